"""Layers against operators put together by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.errors import InvalidRngError
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import (
    Conv,
    ConvNormAct,
    ConvTranspose,
    Dropout,
    SeparableConvNormAct,
    activation,
)
from jaxseg.ops.conv import conv
from jaxseg.ops.resize import resize


def draw(shape=(2, 9, 8, 4), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_default_padding_keeps_the_size_at_any_rate():
    for rate in (1, 3, 12):
        layer = Conv(5, 3, rate=rate)

        @jax.jit
        def both(x, layer=layer, rate=rate):
            y, state = layer.init_with_output(jax.random.key(0), x)
            return y, lax.conv_general_dilated(
                x,
                state["params"]["kernel"],
                (1, 1),
                [(rate, rate)] * 2,
                rhs_dilation=(rate, rate),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )

        np.testing.assert_allclose(*both(draw()), rtol=1e-4, atol=1e-5)


def test_conv_norm_act_is_its_parts(fill):
    x, block = draw(), ConvNormAct(6, 3, stride=2, act="relu6")
    shapes = jax.eval_shape(lambda x: block.init(jax.random.key(0), x, train=False), x)
    random = np.random.default_rng(0)
    state = jax.tree.map(lambda s: random.uniform(0.5, 2, s.shape).astype("f"), shapes)
    strided = jax.jit(lambda x, kernel: conv(x, kernel, stride=2, padding=1))
    y = np.asarray(strided(x, state["params"]["conv"]["kernel"]))
    norm, stats = state["params"]["norm"], state["batch_stats"]["norm"]
    y = (y - stats["mean"].reshape(1, 1, 1, -1)) / np.sqrt(stats["var"] + 1e-5)
    y = y * norm["scale"] + norm["bias"]
    np.testing.assert_allclose(
        jax.jit(lambda v, x: block.apply(v, x, train=False))(state, x),
        np.clip(y, 0, 6),
        rtol=1e-3,
        atol=1e-3,
    )


@pytest.mark.parametrize("mid_act", [True, False])
def test_separable_convolution_activates_in_between_only_if_asked(mid_act):
    x = -np.abs(draw())
    block = SeparableConvNormAct(3, 1, mid_act=mid_act, act="relu")
    state = jax.jit(lambda x: block.init(jax.random.key(0), x, train=False))(x)
    params = jax.tree.map(np.ones_like, jax.device_get(state["params"]))
    params["depthwise_norm"]["bias"] = np.zeros(4, np.float32)
    params["pointwise_norm"]["bias"] = np.full(3, 100, np.float32)
    run = jax.jit(lambda v, x: block.apply(v, x, train=False))
    y = run({**state, "params": params}, x)
    middle = np.maximum(x, 0) if mid_act else x
    expected = np.broadcast_to(middle.sum(-1, keepdims=True) + 100, y.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-4)


def test_bilinear_transposed_convolution_starts_as_resizing():
    x = draw((1, 6, 7, 3))
    layer = ConvTranspose(3, 4, 2, padding=1, bias=False, kernel_init="bilinear")

    @jax.jit
    def both(x):
        y, _ = layer.init_with_output(jax.random.key(0), x)
        return y[:, 1:-1, 1:-1], resize(x, (12, 14))[:, 1:-1, 1:-1]

    np.testing.assert_allclose(*both(x), atol=1e-5)


def test_he_initialization_keeps_the_variance():
    start = jax.jit(Conv(256, 3).init)(jax.random.key(0), draw((1, 4, 4, 64)))
    kernel = np.asarray(start["params"]["kernel"])
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


def test_parameters_stay_float32_under_bfloat16():
    layer = Conv(3, 3, style=BlockConfig(dtype="bfloat16"))
    y, state = jax.jit(layer.init_with_output)(jax.random.key(0), draw())
    assert y.dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(state))


def test_dropout_in_training_or_with_an_rng():
    x, layer, key = jnp.ones((4, 50)), Dropout(0.5), {"dropout": jax.random.key(0)}
    np.testing.assert_array_equal(layer.apply({}, x, train=False), x)
    for train in (True, False):
        y = layer.apply({}, x, train=train, rngs=key)
        assert set(np.unique(y)) == {0.0, 2.0}
    with pytest.raises(InvalidRngError, match="dropout"):
        layer.apply({}, x, train=True)


def test_activations_by_name():
    x = jnp.array([-4.0, -1.0, 0.5, 7.0])
    np.testing.assert_allclose(activation("relu6")(x), [0, 0, 0.5, 6])
    np.testing.assert_allclose(
        activation("hardswish")(x), [0, -1 / 3, 0.2916667, 7], atol=1e-6
    )
    np.testing.assert_allclose(
        activation("leaky_relu")(x), [-0.8, -0.2, 0.5, 7], atol=1e-6
    )
    with pytest.raises(ValueError, match="act='tan' is invalid"):
        activation("tan")
