"""Attention blocks: equations in NumPy, and the properties the papers claim."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.nn.attention import (
    ChannelAttention,
    ChannelGate,
    NonLocal,
    PositionAttention,
    channel_similarity,
)
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.object_context import ObjectContext, gather_regions

PLAIN = BlockConfig(norm="none")


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def setup(module, *inputs, seed=1):
    """Random variables in place of the initial ones."""
    shapes = jax.eval_shape(
        lambda *x: module.init(jax.random.key(0), *x, train=False), *inputs
    )
    leaves, tree = jax.tree.flatten(shapes)
    random = np.random.default_rng(seed)
    values = [
        random.uniform(0.3, 1.0, leaf.shape).astype(np.float32)
        * (1 if leaf.ndim == 1 else (-1) ** i)
        for i, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(tree, values)


@functools.partial(jax.jit, static_argnums=0)
def compiled(module, variables, *inputs):
    return module.apply(variables, *inputs, train=False)


def run(module, variables, *inputs):
    """The output of a block in evaluation as NumPy arrays, computed by one program."""
    return jax.device_get(compiled(module, variables, *inputs))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def linear(params, x):
    return x @ np.asarray(params["kernel"])[0, 0] + np.asarray(params.get("bias", 0))


@pytest.mark.parametrize("impl", ["plain", "block"])
def test_position_attention_equals_its_equation(impl):
    x = draw((2, 3, 4, 8), 3)
    module = PositionAttention(reduction=4, attention=impl)
    variables = setup(module, x)
    p = variables["params"]
    got = run(module, variables, x)
    for b in range(2):
        flat = x[b].reshape(-1, 8)
        weights = softmax(linear(p["query"], flat) @ linear(p["key"], flat).T)
        want = np.asarray(p["gamma"]) * (weights @ linear(p["value"], flat)) + flat
        np.testing.assert_allclose(got[b].reshape(-1, 8), want, atol=1e-5)


def test_position_attention_is_equivariant_to_pixel_order():
    x, order = draw((1, 4, 4, 8)), np.random.default_rng(0).permutation(16)
    module = PositionAttention(reduction=2)
    variables = setup(module, x)
    shuffle = lambda y: np.asarray(y).reshape(1, 16, 8)[:, order].reshape(1, 4, 4, 8)
    np.testing.assert_allclose(
        run(module, variables, shuffle(x)),
        shuffle(run(module, variables, x)),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    "module", [PositionAttention(), ChannelAttention(), NonLocal()]
)
def test_blocks_start_as_the_identity(module):
    x = draw((1, 3, 3, 16))

    @jax.jit
    def started(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return module.apply(variables, x, train=False)

    np.testing.assert_allclose(started(x), x, atol=1e-6)


def test_channel_attention_of_orthonormal_channels():
    """Two orthonormal channels: weights of Gram matrix I, or of -I in the release."""
    flat = jnp.eye(2)[None]
    high, low = 0.7310586, 0.2689414
    np.testing.assert_allclose(channel_similarity(flat)[0, 0], [high, low], rtol=1e-5)
    np.testing.assert_allclose(
        channel_similarity(flat, "release")[0, 0], [low, high], rtol=1e-5
    )
    with pytest.raises(ValueError, match="variant"):
        channel_similarity(flat, "other")


@pytest.mark.parametrize("variant", ["paper", "release"])
def test_channel_attention_equals_its_equation(variant):
    x = 0.3 * draw((2, 3, 4, 5), 2)
    module = ChannelAttention(variant)
    got = run(module, {"params": {"gamma": np.float32(0.7)}}, x)
    for b in range(2):
        a = x[b].reshape(-1, 5).T
        gram = a @ a.T
        if variant == "release":
            gram = gram.max(-1, keepdims=True) - gram
        want = 0.7 * softmax(gram) @ a + a
        np.testing.assert_allclose(got[b].reshape(-1, 5).T, want, atol=1e-5)


@pytest.mark.parametrize("subsample", [False, True])
@pytest.mark.parametrize(
    "mode", ["embedded_gaussian", "gaussian", "dot_product", "concatenation"]
)
def test_non_local_equals_its_equation(mode, subsample):
    x = 0.5 * draw((1, 4, 4, 6), 4)
    module = NonLocal(mode, subsample=subsample, norm_out=False)
    variables = setup(module, x)
    p = variables["params"]
    pool = x.reshape(1, 2, 2, 2, 2, 6).max((2, 4)) if subsample else x
    flat, keys = x[0].reshape(-1, 6), pool[0].reshape(-1, 6)
    value = linear(p["g"], keys)
    if mode == "gaussian":
        weights = softmax(flat @ keys.T)
    else:
        theta, phi = linear(p["theta"], flat), linear(p["phi"], keys)
        if mode == "embedded_gaussian":
            weights = softmax(theta @ phi.T)
        elif mode == "dot_product":
            weights = theta @ phi.T / len(keys)
        else:
            left, right = np.split(np.asarray(p["concat"]), 2)
            pair = (theta @ left)[:, None] + (phi @ right)[None]
            weights = np.maximum(pair, 0) / len(keys)
    want = flat + linear(p["out"], weights @ value)
    got = run(module, variables, x)[0].reshape(-1, 6)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_non_local_scale_and_unknown_mode():
    x = draw((1, 3, 3, 8))
    variables = setup(NonLocal(norm_out=False), x)
    plain = run(NonLocal(norm_out=False), variables, x)
    scaled = run(NonLocal(norm_out=False, use_scale=True), variables, x)
    assert np.abs(plain - scaled).max() > 1e-3
    theta = variables["params"]["theta"]
    smaller = jax.tree.map(lambda leaf: leaf / 2, theta)  # the root of four channels
    less = {"params": {**variables["params"], "theta": smaller}}
    expected = run(NonLocal(norm_out=False), less, x)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="mode"):
        NonLocal("cosine").init(jax.random.key(0), x, train=False)


def test_squeeze_excite_gates():
    x = draw((2, 4, 5, 8))
    module = ChannelGate(reduction=4)
    variables = setup(module, x)
    ratio = run(module, variables, x) / x
    p = variables["params"]
    z = np.maximum(linear(p["squeeze"], x.mean((1, 2))), 0)
    want = 1 / (1 + np.exp(-linear(p["excite"], z)))
    assert (want > 0).all() and (want < 1).all() and np.ptp(want) > 0.01
    np.testing.assert_allclose(
        ratio, np.broadcast_to(want[:, None, None], x.shape), rtol=1e-3
    )
    zero = jax.tree.map(np.zeros_like, variables)
    np.testing.assert_allclose(run(module, zero, x), x / 2, rtol=1e-6)


def test_soft_regions():
    """Softmax over pixels: means for flat logits, shift-proof, one pixel for a spike."""
    x, coarse = draw((2, 3, 4, 5)), draw((2, 3, 4, 3), 1)
    gather = jax.jit(gather_regions)
    got = jax.device_get(gather(x, coarse))
    for b in range(2):
        weights = softmax(coarse[b].reshape(-1, 3).T)
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
        np.testing.assert_allclose(got[b], weights @ x[b].reshape(-1, 5), atol=1e-5)
    flat = gather(x, np.zeros_like(coarse))
    mean = np.broadcast_to(x.mean((1, 2))[:, None], (2, 3, 5))
    np.testing.assert_allclose(flat, mean, atol=1e-5)
    shift = np.array([[[[5.0, -3.0, 1.0]]]], np.float32)
    shifted = gather(x, coarse + shift)
    np.testing.assert_allclose(shifted, got, atol=1e-5)
    spike = np.zeros_like(coarse)
    spike[:, 1, 2] = 50.0
    one = np.broadcast_to(x[:, None, 1, 2], (2, 3, 5))
    np.testing.assert_allclose(gather(x, spike), one, atol=1e-5)


@pytest.mark.slow
def test_object_context_equals_its_equation_and_ignores_class_order():
    x, coarse = draw((1, 3, 4, 6)), draw((1, 3, 4, 5), 1)
    module = ObjectContext(key_features=4, style=PLAIN)
    variables = setup(module, x, coarse)
    layer = lambda name, y: np.maximum(linear(variables["params"][name]["conv"], y), 0)
    flat = x[0].reshape(-1, 6)
    regions = softmax(coarse[0].reshape(-1, 5).T) @ flat
    query = layer("pixel_2", layer("pixel_1", flat))
    key = layer("object_2", layer("object_1", regions))
    weights = softmax(query @ key.T / 2)
    context = layer("context", weights @ layer("object_value", regions))
    want = layer("fuse", np.concatenate([context, flat], -1))
    got = run(module, variables, x, coarse)
    np.testing.assert_allclose(got[0].reshape(-1, 6), want, rtol=1e-4, atol=1e-5)
    swapped = run(module, variables, x, coarse[..., ::-1])
    np.testing.assert_allclose(swapped, got, rtol=1e-4, atol=1e-5)


def test_regions_are_not_detached():
    """The context alone sends a gradient into the coarse logits."""
    x, coarse = draw((1, 3, 4, 6)), draw((1, 3, 4, 5), 1)
    module = ObjectContext(key_features=4, style=PLAIN)
    variables = setup(module, x, coarse)
    loss = lambda c: jnp.sum(module.apply(variables, x, c, train=False)[..., 0])
    grad = jax.device_get(jax.jit(jax.grad(loss))(coarse))
    assert np.abs(grad).max() > 1e-4
    np.testing.assert_allclose(grad.sum((1, 2)), 0, atol=1e-4)  # softmax over pixels
