"""Probabilistic U-Net: sizes of its parts, the divergence, cheap sampling."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.prior_samples import combined, sample_logits
from jaxseg.models.prob_unet import (
    CITYSCAPES,
    Combine,
    gaussian_kl,
    label_channels,
    prob_unet,
)

TINY = {"widths": (4, 6, 8), "convs": 2, "latent": 3}
SHAPE = (2, 16, 24, 3)


@pytest.fixture
def model():
    return prob_unet(2, **TINY)


@functools.partial(jax.jit, static_argnames=("model", "method", "train"))
def apply(model, variables, *inputs, rngs=None, **options):
    return model.apply(variables, *inputs, rngs=rngs, **options)


@pytest.fixture
def variables(model, fill):
    return fill(model, SHAPE)


@pytest.fixture
def image():
    return np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "classes", "channels", "counts"),
    [
        ({}, 2, 1, (11_773_536, 7_861_452, 7_862_028, 2_370)),
        (
            {"widths": CITYSCAPES, "combining": 4}, 24, 3,
            (9_231_456, 4_356_108, 4_363_020, 4_152),
        ),
    ],
)  # fmt: skip
def test_the_parts_have_the_published_sizes(options, classes, channels, counts):
    net = prob_unet(classes, **options)
    image = jax.ShapeDtypeStruct((1, 64, 64, channels), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    params = jax.eval_shape(net.init, key, image)["params"]
    size = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree))
    names = ("unet", "prior", "posterior", "fcomb")
    assert set(params) == set(names)
    assert tuple(size(params[name]) for name in names) == counts


def test_divergence_is_the_integral():
    """Gauss-Hermite quadrature of q (log q - log p), one axis at a time."""
    random = np.random.default_rng(0)
    one, other = (
        (random.normal(size=(3, 4)), random.normal(0, 0.5, (3, 4))) for _ in range(2)
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)

    def log_density(x, mean, log_deviation):
        scaled = (x - mean) / np.exp(log_deviation)
        return -0.5 * scaled**2 - log_deviation - 0.5 * np.log(2 * np.pi)

    x = one[0][..., None] + np.exp(one[1])[..., None] * nodes
    gap = log_density(x, one[0][..., None], one[1][..., None])
    gap -= log_density(x, other[0][..., None], other[1][..., None])
    expected = (gap * weights).sum(-1).sum(-1) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(gaussian_kl(one, other), expected, rtol=1e-5)
    np.testing.assert_allclose(gaussian_kl(one, one), 0, atol=1e-6)


def test_the_latent_is_joined_at_every_pixel():
    """The split first convolution is that of the concatenation."""
    random = np.random.default_rng(0)
    features = random.normal(size=(2, 3, 5, 6)).astype(np.float32)
    latent = random.normal(size=(2, 4)).astype(np.float32)
    module = Combine(3, 7, 3)
    params = jax.eval_shape(module.init, jax.random.key(0), features, latent)
    params = jax.tree.map(
        lambda x: random.normal(size=x.shape).astype(np.float32), params
    )
    tiled = np.broadcast_to(latent[:, None, None], (2, 3, 5, 4))
    x = np.concatenate([features, tiled], -1)
    p = params["params"]
    x = np.maximum(x @ p["kernel"][0, 0] + p["bias"], 0)
    x = np.maximum(x @ p["conv2"]["kernel"][0, 0] + p["conv2"]["bias"], 0)
    x = x @ p["classifier"]["kernel"][0, 0] + p["classifier"]["bias"]
    np.testing.assert_allclose(
        jax.jit(module.apply)(params, features, latent), x, rtol=1e-4, atol=1e-4
    )


def test_without_a_label_the_latent_is_the_priors(model, variables, image):
    plain = apply(model, variables, image)
    assert set(plain) == {"logits"}
    features, (mean, log_deviation) = apply(model, variables, image, method="encode")
    again = apply(model, variables, features, mean, method="combine")
    np.testing.assert_allclose(plain["logits"], again, atol=1e-6)

    def draw(seed):
        key = jax.random.key(seed)
        return apply(model, variables, image, rngs={"dropout": key})["logits"]

    assert np.abs(draw(0) - draw(1)).max() > 1e-3
    assert mean.shape == log_deviation.shape == (2, 3)


def test_with_a_label_it_is_the_posteriors(model, variables, image):
    label = np.random.default_rng(2).integers(0, 2, SHAPE[:3])
    key = {"dropout": jax.random.key(0)}
    run = lambda label: apply(model, variables, image, label, train=True, rngs=key)
    out = run(label)
    assert out["extra_kl"].shape == (2,) and (out["extra_kl"] > 0).all()
    changed = label.copy()
    changed[0] = 1 - changed[0]
    other = run(changed)["extra_kl"]
    assert other[0] != out["extra_kl"][0] and other[1] == out["extra_kl"][1]


def test_a_void_pixel_is_of_no_class():
    mask = label_channels(np.array([[[0, 255, 1]]]), 2)
    np.testing.assert_array_equal(mask, [[[[0.5, -0.5], [-0.5, -0.5], [-0.5, 0.5]]]])


def test_sample_logits_are_those_made_one_by_one(model, variables, image):
    key = jax.random.key(4)
    draw = functools.partial(sample_logits, model.apply, samples=5)
    several = jax.jit(draw)(variables, image, key=key)
    assert several.shape == (5, 2, 16, 24, 2)
    features, (mean, log_deviation) = apply(model, variables, image, method="encode")
    noise = jax.random.normal(key, (5, 2, 3))
    for i in range(5):
        latent = mean + jnp.exp(log_deviation) * noise[i]
        one = apply(model, variables, features, latent, method="combine")
        np.testing.assert_allclose(several[i], one, rtol=1e-4, atol=1e-5)
    assert several.std(0).max() > 1e-3
    with pytest.raises(ValueError, match="samples=0 is invalid"):
        sample_logits(model.apply, variables, image, key=key, samples=0)


def products(jaxpr):
    """Output sizes of all convolutions and matrix products, inner programs included."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("conv_general_dilated", "dot_general"):
            yield equation.outvars[0].aval.size
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from products(inner)


def test_the_costly_half_runs_once_whatever_the_samples(model, variables, image):
    key = jax.random.key(0)
    run = functools.partial(sample_logits, model.apply, key=key)
    sizes = {
        n: list(
            products(
                jax.make_jaxpr(functools.partial(run, samples=n))(
                    variables, image
                ).jaxpr
            )
        )
        for n in (1, 8)
    }
    encode = lambda v, x: model.apply(v, x, method="encode")
    costly = list(products(jax.make_jaxpr(encode)(variables, image).jaxpr))
    assert len(sizes[1]) == len(sizes[8]) == len(costly) + 4
    assert sizes[8][: len(costly)] == sizes[1][: len(costly)] == costly
    # behind it: the features' share once, latent, second layer and classifier 8 times
    share, *per_sample = zip(sizes[1][-4:], sizes[8][-4:], strict=True)
    assert share[0] == share[1]
    assert all(many == 8 * one for one, many in per_sample)


def test_combined_is_linear_in_the_number_of_latents(model, variables, image):
    features, (mean, _) = apply(model, variables, image, method="encode")
    join = jax.jit(functools.partial(combined, model.apply))
    twice = join(variables, features, jnp.stack([mean, mean]))
    np.testing.assert_array_equal(twice[0], twice[1])


@pytest.mark.parametrize("bad", [{"combining": 1}, {"latent": 0}])
def test_impossible_options_are_named(bad):
    with pytest.raises(ValueError, match="combining of 2 or more"):
        prob_unet(2, **bad)
