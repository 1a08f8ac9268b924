"""AAF: known values, a slow implementation, and who descends and who ascends."""

import functools

import jax
import numpy as np
import pytest

from jaxseg.config import LossConfig
from jaxseg.losses import affinity, build_objective, weighted_mean


@pytest.fixture
def scene():
    """Logits [2, 9, 10, 3] and labels in blocks with some void."""
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, (2, 9, 10, 3)).astype(np.float32)
    blocks = random.integers(0, 3, (2, 3, 5)).astype(np.int32)
    label = blocks.repeat(3, axis=1).repeat(2, axis=2)
    label[0, :2, 4:] = 255
    label[1, 5, 5] = 255
    return logits, label


def one_hot_logits(label, classes=3, sharp=100.0):
    return sharp * (label[..., None] == np.arange(classes)).astype(np.float32)


OPTIONS = ("sizes", "margin", "edge_weight", "same_weight", "stride", "anneal_steps")


@functools.partial(jax.jit, static_argnames=OPTIONS)
def compiled(logits, label, **options):
    return affinity(logits, label, **options)


def mean(logits, label, **options):
    return float(weighted_mean(*compiled(logits, label, **options)))


def slow(logits, label, sizes=(1, 2, 3), margin=3.0, weights=None):
    """Means of edge and of other entries per size, by loops in float64."""
    power = np.exp(logits.astype(np.float64))
    p = power / power.sum(-1, keepdims=True)
    count = p.shape[-1]
    logs = np.zeros((2, count, len(sizes))) if weights is None else np.array(weights)
    share = np.exp(logs) / np.exp(logs).sum(-1, keepdims=True)

    def known(b, i, j):
        inside = 0 <= i < label.shape[1] and 0 <= j < label.shape[2]
        return inside and label[b, i, j] != 255

    entries = {(kind, s): [] for kind in (0, 1) for s in range(len(sizes))}
    for s, size in enumerate(sizes):
        for b, i, j in np.ndindex(label.shape):
            for di in (-size, 0, size):
                for dj in (-size, 0, size):
                    ends = [(b, i, j), (b, i + di, j + dj), (b, i - di, j - dj)]
                    if (di, dj) == (0, 0) or not all(known(*end) for end in ends):
                        continue
                    for c in range(count):
                        q = np.clip([p[ends[1]][c], 1 - p[ends[1]][c]], 1e-4, 1)
                        r = np.clip([p[b, i, j, c], 1 - p[b, i, j, c]], 1e-4, 1)
                        kl = (q * np.log(q / r)).sum()
                        edge = (label[b, i, j] == c) != (label[ends[1]] == c)
                        kind, value = (0, max(0, margin - kl)) if edge else (1, kl)
                        entries[kind, s].append(share[kind, label[b, i, j], s] * value)
    return {key: np.mean(values) if values else 0.0 for key, values in entries.items()}


def test_uniform_probabilities_cost_the_margin(scene):
    """Divergence 0: each size's edges cost margin / 3, and the others nothing."""
    flat = np.zeros_like(scene[0])
    np.testing.assert_allclose(mean(flat, scene[1]), 3.0, rtol=1e-6)
    np.testing.assert_allclose(mean(flat, scene[1], sizes=(1,)), 3.0, rtol=1e-6)
    np.testing.assert_allclose(mean(flat, scene[1], edge_weight=0.5), 1.5, rtol=1e-6)
    assert mean(flat, scene[1], edge_weight=0.0) == 0


def test_correct_one_hot_costs_nothing(scene):
    """Clipped divergence across an edge is 9.2094, above the margin of 3."""
    label = scene[1]
    known = np.where(label == 255, 0, label)
    logits = one_hot_logits(known)
    np.testing.assert_allclose(mean(logits, label), 0.0, atol=1e-6)
    above = mean(logits, label, margin=10.0, sizes=(1,))
    np.testing.assert_allclose(above, 10 - 9.2094, atol=1e-4)
    assert mean(one_hot_logits((known + (known > 0)) % 3), label) > 0.5


def test_against_loops(scene):
    logits, label = scene
    weights = np.random.default_rng(1).normal(size=(2, 3, 3)).astype(np.float32)
    for chosen in (None, tuple(weights)):
        means = slow(logits, label, weights=None if chosen is None else weights)
        assert min(means.values()) > 0
        for kind, name in enumerate(("same_weight", "edge_weight")):
            got = mean(logits, label, **{name: 0.0}, size_weights=chosen)
            expected = sum(means[kind, s] for s in range(3))
            np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_void_pixels_do_not_matter(scene):
    logits, label = scene
    at = np.argwhere(label == 255)
    swapped = logits.copy()
    swapped[tuple(at.T)] = logits[tuple(at[::-1].T)]
    assert (swapped != logits).any()
    value = mean(logits, label)
    assert np.isfinite(value) and mean(swapped, label) == value


def test_each_image_alone_has_its_share_of_the_mean(scene):
    """Values are per center: a batch is the entry-weighted mean of its images."""
    logits, label = scene
    value, weight = compiled(logits, label)
    assert value.shape == weight.shape == label.shape
    np.testing.assert_array_equal(weight, label != 255)
    np.testing.assert_array_equal(value[label == 255], 0)
    again = np.concatenate([logits, logits]), np.concatenate([label, label])
    np.testing.assert_allclose(mean(*again), mean(logits, label), rtol=1e-6)


@pytest.mark.slow
def test_gradient(scene, same_as):
    logits, label = scene[0][:, :4, :5], scene[1][:, :4, :5]
    loss = functools.partial(affinity, sizes=(1,))

    def reference(probability, label):
        return sum(slow(np.log(probability), label, sizes=(1,)).values())

    same_as(loss, reference, logits, label)


def test_size_weights_ascend(scene):
    """Their gradient is the loss's, reversed: descent on it raises the loss."""

    @jax.jit
    @jax.value_and_grad
    def run(weights, logits):
        return weighted_mean(*affinity(logits, scene[1], size_weights=weights))

    loss = lambda *given: float(run(*given)[0])
    start = (np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32))
    given = jax.device_get(run(start, scene[0])[1])
    for kind in (0, 1):
        for at in ((0, 0), (1, 2), (2, 1)):
            moved = [loss(_bumped(start, kind, at, h), scene[0]) for h in (1e-2, -1e-2)]
            slope = (moved[0] - moved[1]) / 2e-2
            np.testing.assert_allclose(given[kind][at], -slope, rtol=2e-2, atol=2e-5)
    descended = jax.tree.map(lambda w, g: w - 0.5 * g, start, given)
    assert loss(descended, scene[0]) > loss(start, scene[0]) + 1e-3


def _bumped(weights, kind, at, change):
    moved = tuple(w.copy() for w in weights)
    moved[kind][at] += change
    return moved


def test_annealing(scene):
    plain = mean(*scene)
    for step, factor in ((0, 1.0), (50, 10**-0.5), (100, 0.1)):
        got = mean(*scene, anneal_steps=100, step=step)
        np.testing.assert_allclose(got, factor * plain, rtol=1e-5)


def test_stride_compares_every_nth_pixel(scene):
    logits, label = scene
    wide = (x.repeat(4, axis=1).repeat(4, axis=2) for x in (logits, label))
    np.testing.assert_allclose(mean(*wide, stride=4), mean(logits, label), rtol=1e-6)


def test_in_an_objective(scene):
    logits, label = scene
    config = LossConfig(
        additional=(("affinity", 0.5),),
        options={"affinity": {"anneal_steps": 10, "sizes": (1, 2)}},
    )
    weights = (
        np.ones((3, 2), np.float32),
        np.arange(6.0, dtype=np.float32).reshape(3, 2),
    )
    outputs = {"logits": logits, "affinity": weights}
    terms = jax.jit(build_objective(config))(outputs, {"label": label, "step": 5})
    assert set(terms) == {"cross_entropy", "affinity"}
    value, weight, coefficient = terms["affinity"]
    expected = compiled(
        logits, label, anneal_steps=10, step=5, sizes=(1, 2), size_weights=weights
    )
    np.testing.assert_allclose(value, expected[0], rtol=1e-6)
    np.testing.assert_array_equal(weight, expected[1])
    assert coefficient == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 0}, "stride=0"),
        ({"sizes": ()}, "at least one size"),
        ({"sizes": (0,)}, "rate=0 is invalid"),
        ({"anneal_steps": -1}, "anneal_steps=-1"),
        ({"size_weights": (np.zeros((3, 2)),) * 2}, r"two arrays of shape \(3, 3\)"),
    ],
)
def test_wrong_options_are_named(scene, options, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda *scene: affinity(*scene, **options), *scene)
