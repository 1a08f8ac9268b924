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
        y, state = layer.init_with_output(jax.random.key(0), draw())
        expected = lax.conv_general_dilated(
            draw(),
            state["params"]["kernel"],
            (1, 1),
            [(rate, rate)] * 2,
            rhs_dilation=(rate, rate),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_conv_norm_act_is_its_parts(fill):
    x, block = draw(), ConvNormAct(6, 3, stride=2, act="relu6")
    shapes = jax.eval_shape(lambda x: block.init(jax.random.key(0), x, train=False), x)
    random = np.random.default_rng(0)
    state = jax.tree.map(lambda s: random.uniform(0.5, 2, s.shape).astype("f"), shapes)
    y = np.asarray(conv(x, state["params"]["conv"]["kernel"], stride=2, padding=1))
    norm, stats = state["params"]["norm"], state["batch_stats"]["norm"]
    y = (y - stats["mean"].reshape(1, 1, 1, -1)) / np.sqrt(stats["var"] + 1e-5)
    y = y * norm["scale"] + norm["bias"]
    np.testing.assert_allclose(
        block.apply(state, x, train=False), np.clip(y, 0, 6), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("mid_act", [True, False])
def test_separable_convolution_activates_in_between_only_if_asked(mid_act):
    x = -np.abs(draw())
    block = SeparableConvNormAct(3, 1, mid_act=mid_act, act="relu")
    state = block.init(jax.random.key(0), x, train=False)
    params = jax.tree.map(jnp.ones_like, state["params"])
    params["depthwise_norm"]["bias"] = jnp.zeros(4)
    params["pointwise_norm"]["bias"] = jnp.full(3, 100.0)
    y = block.apply({**state, "params": params}, x, train=False)
    middle = np.maximum(x, 0) if mid_act else x
    expected = np.broadcast_to(middle.sum(-1, keepdims=True) + 100, y.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-4)


def test_bilinear_transposed_convolution_starts_as_resizing():
    x = draw((1, 6, 7, 3))
    layer = ConvTranspose(3, 4, 2, padding=1, bias=False, kernel_init="bilinear")
    y, _ = layer.init_with_output(jax.random.key(0), x)
    inside = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(y[inside], resize(x, (12, 14))[inside], atol=1e-5)


def test_he_initialization_keeps_the_variance():
    kernel = Conv(256, 3).init(jax.random.key(0), draw((1, 4, 4, 64)))["params"][
        "kernel"
    ]
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


def test_parameters_stay_float32_under_bfloat16():
    layer = Conv(3, 3, style=BlockConfig(dtype="bfloat16"))
    y, state = layer.init_with_output(jax.random.key(0), draw())
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
