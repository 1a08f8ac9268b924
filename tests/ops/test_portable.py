"""A portable trace has standard operations only, and the values stay the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.channel_stack import append_channels
from jaxseg.ops.conv import conv
from jaxseg.ops.lowering.portable import is_portable, portable
from jaxseg.ops.pool import avg_pool, max_pool, max_pool_argmax
from jaxseg.ops.residual import residual_add
from jaxseg.ops.resize import resize
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import max_unpool

KERNEL = np.random.default_rng(1).normal(size=(3, 3, 4, 4)).astype(np.float32)


def unpooled(x):
    best, position = max_pool_argmax(x)
    return max_unpool(best, position, x.shape[1:3])


OPERATORS = {
    "same padding": lambda x: conv(x, KERNEL, padding=2, rate=2),
    "dead taps": lambda x: conv(x, KERNEL, padding=9, rate=9),
    "depthwise": lambda x: conv(x, KERNEL[:, :, :1], padding=1, stride=2, groups=4),
    "one pixel": lambda x: conv(x.mean((1, 2), keepdims=True), KERNEL[:1, :1]),
    "transposed": lambda x: conv_transpose(x, KERNEL, stride=2, padding=1),
    "max pool": lambda x: max_pool(x, window=3, stride=2, padding=1, ceil=True),
    "cropped": lambda x: max_pool(x, window=2, stride=2),
    "avg pool": lambda x: avg_pool(x, window=3, padding=1, count_include_pad=False),
    "unpool": unpooled,
    "resize": lambda x: resize(x, (14, 5)),
    "nearest": lambda x: resize(x, (14, 5), method="nearest"),
    "sums": lambda x: append_channels(x, residual_add(x, x, relu=True)),
}
STANDARD = set(
    [
        "conv_general_dilated",
        "reduce_window_max",
        "reduce_sum",
        "reduce_window_sum",
        "div",
        "reduce_window",
        "gather",
        "pad",
        "slice",
        "select_n",
        "eq",
        "lt",
        "add",
        "sub",
        "mul",
        "max",
        "broadcast_in_dim",
        "concatenate",
        "reshape",
        "rev",
        "transpose",
        "jit",
        "custom_jvp_call",
        "convert_element_type",
        "stack",
        "squeeze",
    ]
)


@pytest.mark.parametrize("name", OPERATORS)
def test_values_stay_and_operations_are_standard(name):
    function = OPERATORS[name]
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 4)).astype(np.float32)
    traced = jax.make_jaxpr(portable(function))(x)
    names = {equation.primitive.name for equation in traced.jaxpr.eqns}
    assert names <= STANDARD, names - STANDARD
    found = jax.jit(portable(function))(x)
    np.testing.assert_allclose(found, jax.jit(function)(x), atol=2e-5)


def test_padding_belongs_to_the_convolution():
    x = jnp.zeros((1, 7, 9, 4))
    function = portable(lambda x: conv(x, KERNEL, padding=9, rate=9))
    (equation,) = jax.make_jaxpr(function)(x).jaxpr.eqns
    assert equation.params["padding"] == ((9, 9), (9, 9))


def test_only_the_trace_of_the_function_is_portable():
    seen = []

    def look(x):
        seen.append(is_portable())
        return x

    jax.make_jaxpr(portable(look))(1.0)
    jax.make_jaxpr(look)(1.0)
    with pytest.raises(ZeroDivisionError):
        portable(lambda x: 1 / 0)(1.0)
    assert seen == [True, False] and not is_portable()
