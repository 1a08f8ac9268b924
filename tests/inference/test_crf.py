"""The dense CRF: published numbers, a dense float64 mean field, masks and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.crf import (
    PRESETS,
    Kernels,
    compatibility,
    count_corners,
    dense_crf,
    unary_energy,
)
from jaxseg.inference.crf_refine import refine

STATIC = ("iterations", "normalization", "method", "self_term", "capacity", "block")
solve = jax.jit(dense_crf, static_argnames=STATIC)


@pytest.fixture
def golden():
    """4 x 5 pixels, two colors, two classes; one probability wrong on each side."""
    image = np.full((1, 4, 5, 3), 200, np.uint8)
    image[:, :, :2] = 50
    p = np.full((4, 5), 0.3, np.float32)
    p[:, :2], p[1, 1], p[2, 3] = 0.9, 0.2, 0.6
    return unary_energy(np.stack([p, 1 - p], -1)[None]), image


@pytest.fixture
def scene():
    """Two noisy images [2, 6, 7, 3] and energies of three classes."""
    random = np.random.default_rng(2)
    image = random.integers(0, 60, (2, 6, 7, 3)) + 120 * (np.arange(7) > 3)[:, None]
    energy = random.normal(0, 1, (2, 6, 7, 3)).astype(np.float32)
    return energy, image.astype(np.uint8)


KERNELS = Kernels(1.5, 1.5, 2.0, 4.0, 30.0)


def dense(energy, image, kernels, normalization, *, iterations=10, self_term=True):
    """Mean field of one image in float64 with whole kernel matrices."""
    height, width, _ = energy.shape
    place = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    place = place.reshape(-1, 2).astype(np.float64)
    color = image.reshape(-1, 3).astype(np.float64)
    joint = np.hstack([place / kernels[3], color / kernels[4]])
    matrices = []
    for f in (place / kernels[1], joint):
        k = np.exp(-0.5 * ((f[:, None] - f[None]) ** 2).sum(-1))
        k -= 0 if self_term else np.eye(len(k))
        d = k.sum(1)
        left = {"none": 0, "before": 0, "after": 1, "symmetric": 0.5}[normalization]
        right = {"none": 0, "before": 1, "after": 0, "symmetric": 0.5}[normalization]
        matrices.append(k / d[:, None] ** left / d[None] ** right)
    u = energy.reshape(-1, energy.shape[-1]).astype(np.float64)
    logits = -u
    for _ in range(iterations):
        q = np.exp(logits - logits.max(-1, keepdims=True))
        q /= q.sum(-1, keepdims=True)
        logits = -u + sum(
            w * k @ q for w, k in zip((kernels[0], kernels[2]), matrices, strict=True)
        )
    q = np.exp(logits - logits.max(-1, keepdims=True))
    return (q / q.sum(-1, keepdims=True)).reshape(energy.shape)


# Row 1 of class 0, made by pydensecrf (lattice) and by a dense mean field (exact). The
# rows of one entry share a compiled program.
GOLDEN = {
    (1, "lattice", "symmetric"): [
        ((3, 1, 4, 67, 3), (0.99812, 0.87339, 0.06475, 0.03776, 0.03690)),
    ],
    (1, "exact", "symmetric"): [
        ((3, 1, 4, 67, 3), (0.99810, 0.85896, 0.06364, 0.03843, 0.03626)),
    ],
    (1, "lattice", "after"): [
        ((3, 1, 4, 67, 3), (0.99791, 0.84825, 0.06552, 0.04196, 0.03701)),
    ],
    (10, "lattice", "symmetric"): [
        ((3, 3, 4, 49, 5), (0.99765, 0.88622, 0.00364, 0.00295, 0.00256)),
        ((1, 1, 1, 67, 3), (0.97536, 0.42985, 0.11997, 0.08518, 0.08448)),
        ((0.5, 1, 0.5, 67, 3), (0.94601, 0.29435, 0.22697, 0.20352, 0.20241)),
    ],
    (10, "exact", "symmetric"): [
        ((3, 3, 4, 49, 5), (0.99795, 0.90089, 0.00396, 0.00273, 0.00209)),
        ((1, 1, 1, 67, 3), (0.97515, 0.42253, 0.11995, 0.08554, 0.08368)),
        ((0.5, 1, 0.5, 67, 3), (0.94590, 0.29044, 0.22660, 0.20392, 0.20163)),
    ],
    (10, "lattice", "after"): [
        ((3, 3, 4, 49, 5), (0.99745, 0.88063, 0.00375, 0.00304, 0.00240)),
        ((1, 1, 1, 67, 3), (0.97424, 0.40797, 0.12296, 0.09163, 0.08385)),
        ((0.5, 1, 0.5, 67, 3), (0.94497, 0.28600, 0.22809, 0.20803, 0.20221)),
    ],
}


@pytest.mark.parametrize(("steps", "method", "rule"), GOLDEN)
def test_golden_rows(golden, steps, method, rule):
    options = {"iterations": steps, "method": method, "normalization": rule}
    for kernels, row in GOLDEN[steps, method, rule]:
        q = np.asarray(solve(*golden, Kernels(*map(float, kernels)), **options))
        np.testing.assert_allclose(q[0, 1, :, 0], row, atol=1.1e-5)
        np.testing.assert_allclose(q.sum(-1), 1, rtol=1e-5)


def test_published_settings():
    assert PRESETS["deeplabv2_resnet101"] == (3, 1, 4, 67, 3) == Kernels()
    assert PRESETS["deeplabv2_vgg"] == (3, 3, 4, 49, 5)
    assert PRESETS["deeplabv1_msc"] == (3, 3, 3, 95, 3)


@pytest.mark.parametrize("rule", ["none", "before", "after", "symmetric"])
@pytest.mark.parametrize("self_term", [True, False])
def test_exact_against_dense_matrices(scene, rule, self_term):
    q = solve(
        *scene,
        KERNELS,
        normalization=rule,
        method="exact",
        self_term=self_term,
        block=16,
        iterations=4,
    )
    for found, energy, image in zip(q, *scene, strict=True):
        expected = dense(
            energy, image, KERNELS, rule, self_term=self_term, iterations=4
        )
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-5)


def test_pixels_without_neighbors_keep_their_unary(scene):
    lonely = Kernels(1.0, 0.05, 1.0, 0.05, 1.0)
    for rule in ("symmetric", "after", "before"):
        q = solve(*scene, lonely, method="exact", self_term=False, normalization=rule)
        np.testing.assert_allclose(q, jax.nn.softmax(-scene[0]), rtol=1e-5)


def test_without_normalization_thin_things_vanish():
    """A line one pixel wide: raw messages are 56 times as strong and drown it."""
    line = (np.arange(16) == 7) | np.zeros((12, 1), bool)
    scores = np.stack([~line, line], -1).astype(np.float32)[None] * 6
    image = np.zeros((1, 12, 16, 3), np.uint8)
    for rule, survives in (("none", False), ("symmetric", True)):
        q = solve(
            -scores, image, Kernels(3.0, 3.0, 0.0), normalization=rule, method="exact"
        )
        np.testing.assert_array_equal(q[0].argmax(-1), line & survives)


def test_three_forms_of_compatibility(scene):
    weight, eye = jnp.float32(2.0), jnp.eye(3)
    forms = (weight, -weight * jnp.ones(3), weight * (1 - eye))
    first, *others = (
        solve(*scene, KERNELS._replace(color_weight=w), method="exact") for w in forms
    )
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-4, atol=1e-6)
    q = np.array([[0.2, 0.3, 0.5]], np.float32)
    uneven = np.arange(9.0, dtype=np.float32).reshape(3, 3)
    message = compatibility(jnp.asarray(uneven), q)
    np.testing.assert_allclose(message, q @ ((uneven + uneven.T) / 2), rtol=1e-6)
    np.testing.assert_allclose(compatibility(jnp.array([1.0, 0, 2]), q), [[0.2, 0, 1]])


def test_no_weight_and_no_step_change_nothing(scene):
    plain = jax.nn.softmax(-scene[0])
    for kernels, steps in ((Kernels(0.0, 1.0, 0.0), 4), (Kernels(), 0)):
        q = solve(*scene, kernels, iterations=steps, method="exact")
        np.testing.assert_allclose(q, plain, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["exact", "lattice"])
def test_padding_and_batching_change_nothing(scene, method):
    q = solve(*scene, KERNELS, method=method)
    energy, image = (
        np.pad(x, ((0, 0), (0, 3), (0, 2), (0, 0)), constant_values=7) for x in scene
    )
    valid = np.zeros(energy.shape[:3], bool)
    valid[:, :6, :7] = True
    padded = solve(energy, image, KERNELS, method=method, valid=valid)
    np.testing.assert_allclose(padded[:, :6, :7], q, rtol=1e-4, atol=1e-6)
    swapped = solve(scene[0][::-1], scene[1][::-1], KERNELS, method=method)
    np.testing.assert_allclose(swapped[::-1], q, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "step"), [("exact", 3e-3), ("lattice", 5e-4)])
def test_gradients_in_weights_and_deviations(scene, method, step):
    """Against central differences, for all five parameters and the energies.

    The lattice jumps where a point enters another simplex, so its steps are tiny.
    """
    target = np.random.default_rng(5).normal(size=scene[0].shape).astype(np.float32)

    def loss(kernels, energy):
        q = dense_crf(energy, scene[1], kernels, iterations=3, method=method)
        return (q * target).sum(), q

    run = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))

    def exact_loss(*at):
        (_, q), _ = run(*at)
        return float((np.asarray(q, np.float64) * target).sum())

    start = jax.tree.map(np.float32, Kernels(1.1, 1.43, 1.7, 4.1, 31.7))
    _, (given, slope) = run(start, scene[0])
    for name, value in start._asdict().items():
        h = 1e-2 if name.endswith("weight") else step
        moved = [start._replace(**{name: np.float32(value * (1 + d))}) for d in (h, -h)]
        ends = [exact_loss(kernels, scene[0]) for kernels in moved]
        numeric = (ends[0] - ends[1]) / (2 * h)
        assert abs(numeric) > 0.05, name
        found = value * getattr(given, name)
        np.testing.assert_allclose(found, numeric, rtol=0.02, atol=1e-3, err_msg=name)
    bump = np.zeros_like(scene[0])
    bump[0, 2, 3, 1] = 1e-2
    ends = [exact_loss(start, scene[0] + d) for d in (bump, -bump)]
    np.testing.assert_allclose(slope[0, 2, 3, 1], (ends[0] - ends[1]) / 2e-2, rtol=0.01)


def picture(height=24, width=32, noise=1.5):
    """A disc on a background, noisy colors, and very noisy class scores."""
    random = np.random.default_rng(8)
    row, column = np.mgrid[:height, :width]
    truth = ((row - 11) ** 2 + (column - 14) ** 2 < 70).astype(int)
    truth += 2 * (column > 25)
    colors = np.array([[40, 80, 160], [200, 90, 60], [90, 180, 70]])
    image = np.clip(colors[truth] + random.normal(0, 4, (height, width, 3)), 0, 255)
    scores = (truth[..., None] == np.arange(3)) * 1.5
    scores = scores + random.normal(0, noise, scores.shape)
    return truth, image.astype(np.uint8), scores.astype(np.float32)


@pytest.fixture(scope="module")
def both():
    """Truth, unary argmax, and Q of the two methods on the picture, by setting."""
    truth, image, scores = picture()
    energy = -jax.nn.log_softmax(scores)[None]
    found = {
        (name, method): np.asarray(
            solve(energy, image[None], PRESETS[name], method=method)[0]
        )
        for name in ("deeplabv2_resnet101", "deeplabv2_vgg", "deeplabv1")
        for method in ("exact", "lattice")
    }
    return truth, scores.argmax(-1), found


def test_error_of_the_lattice(both):
    """Against the exact filter after ten steps: mean |dQ| and pixels that move.

    Here 62% of the pixels are right before; single pixels differ by up to 0.92 in Q.
    """
    limits = {
        "deeplabv2_resnet101": (2e-3, 3e-3),
        "deeplabv2_vgg": (1e-3, 1e-9),
        "deeplabv1": (5e-4, 1e-9),
    }
    for name, (mean, moved) in limits.items():
        exact, lattice = both[2][name, "exact"], both[2][name, "lattice"]
        assert np.abs(exact - lattice).mean() < mean, name
        assert (exact.argmax(-1) != lattice.argmax(-1)).mean() < moved, name


def test_the_picture_gets_better(both):
    truth, before, found = both
    assert (before == truth).mean() < 0.65
    for q in found.values():
        assert (q.argmax(-1) == truth).mean() > 0.97


@pytest.mark.slow
def test_refine_is_dense_crf_with_little_room():
    _, image, scores = picture()
    p = np.asarray(jax.nn.softmax(scores))
    for method in ("lattice", "exact"):
        expected = solve(unary_energy(p)[None], image[None], KERNELS, method=method)[0]
        found = refine(p, image, KERNELS, method=method)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_too_little_room_is_nan(scene):
    need = np.asarray(jax.jit(count_corners)(scene[1], KERNELS))
    assert need.shape == (2, 2) and (need > 6).all()
    assert need[0, 1] != need[1, 1]
    rooms = (int(need[:, 0].max()), int(need[:, 1].min()))
    short = np.asarray(solve(*scene, KERNELS, capacity=rooms))
    fits = need[:, 1] <= rooms[1]
    assert np.isnan(short[~fits]).all()
    np.testing.assert_allclose(short[fits], solve(*scene, KERNELS)[fits], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": -1}, "iterations=-1 is invalid"),
        ({"normalization": "row"}, "normalization='row' is invalid: .*symmetric"),
        (
            {"method": "grid"},
            "method='grid' is invalid: expected one of lattice, exact",
        ),
        ({"self_term": False}, "self_term=False is invalid with method='lattice'"),
    ],
)
def test_wrong_options_are_named(scene, options, message):
    with pytest.raises(ValueError, match=message):
        dense_crf(*scene, **options)
    with pytest.raises(ValueError, match=r"unary.shape=.* is invalid"):
        dense_crf(scene[0], scene[1][:, 1:])


def test_unary_energy_has_a_floor():
    found = unary_energy(np.array([0.0, 1e-5, 0.5, 1.0], np.float32))
    np.testing.assert_allclose(found, [11.512925, 11.512925, 0.6931472, 0.0], rtol=1e-6)
