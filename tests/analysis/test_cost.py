"""Counted work against hand counts and against XLA's own analysis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxseg.analysis.jaxpr.cost import (
    Cost,
    count_cost,
    count_cost_and_weights,
    count_parameters,
)


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def conv(x, k, stride=1, pad=0, rate=1, spread=1, groups=1):
    return lax.conv_general_dilated(
        x,
        k,
        (stride, stride),
        ((pad, pad), (pad, pad)),
        lhs_dilation=(spread, spread),
        rhs_dilation=(rate, rate),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


CASES = {  # options, kernel, hand count for an input [2, 8, 10, 4]
    "plain": ({"pad": 1}, (3, 3, 4, 6), 2 * 8 * 10 * 6 * 9 * 4),
    "valid": ({}, (3, 3, 4, 6), 2 * 6 * 8 * 6 * 9 * 4),
    "strided": ({"pad": 1, "stride": 2}, (3, 3, 4, 6), 2 * 4 * 5 * 6 * 9 * 4),
    "atrous": ({"pad": 3, "rate": 3}, (3, 3, 4, 6), 2 * 8 * 10 * 6 * 9 * 4),
    "grouped": ({"pad": 1, "groups": 2}, (3, 3, 2, 6), 2 * 8 * 10 * 6 * 9 * 2),
    "depthwise": ({"pad": 1, "groups": 4}, (3, 3, 1, 8), 2 * 8 * 10 * 8 * 9),
    "transposed": ({"pad": 3, "spread": 2}, (4, 4, 4, 6), 2 * 8 * 10 * 6 * 16 * 4),
}


@pytest.mark.parametrize("case", CASES)
def test_convolutions_by_hand(case):
    options, kernel, expected = CASES[case]
    cost = count_cost(
        lambda x, k: conv(x, k, **options), shape(2, 8, 10, 4), shape(*kernel)
    )
    assert cost.macs == expected
    assert cost.fixed_macs == 0


@pytest.mark.parametrize("case", CASES)
def test_convolutions_equal_the_compiler(case):
    options, kernel, _ = CASES[case]
    arguments = shape(2, 8, 10, 4), shape(*kernel)

    def fn(x, k):
        return conv(x, k, **options)

    compiled = jax.jit(fn).lower(*arguments).compile()
    cost = count_cost(fn, *arguments, padding=False)
    assert cost.flops == compiled.cost_analysis()["flops"]


@pytest.mark.parametrize("case", ["plain", "atrous", "transposed"])
def test_the_gradient_of_a_kernel_costs_what_the_layer_does(case):
    options, kernel, forward = CASES[case]

    def gradient(x, k, toward):
        return jax.vjp(lambda k: conv(x, k, **options), k)[1](toward)

    x, k = shape(2, 8, 10, 4), shape(*kernel)
    out = jax.eval_shape(lambda x, k: conv(x, k, **options), x, k)
    assert count_cost(gradient, x, k, out).macs == forward


def test_products_equal_the_compiler():
    def fn(a, b):
        return jnp.einsum("bij,bkj->bik", a, b)

    arguments = shape(3, 5, 7), shape(3, 11, 7)
    cost = count_cost(fn, *arguments)
    assert cost == Cost(macs=3 * 5 * 11 * 7, activations=3 * 5 * 11)
    compiled = jax.jit(fn).lower(*arguments).compile()
    assert cost.flops == compiled.cost_analysis()["flops"]


def test_activations_are_what_convolutions_write():
    cost = count_cost(
        lambda x, k: jax.nn.relu(conv(x, k)), shape(2, 8, 8, 4), shape(1, 1, 4, 5)
    )
    assert cost.activations == 2 * 8 * 8 * 5


@jax.custom_vjp
def squared(a, b):
    return a @ b


squared.defvjp(lambda a, b: (a @ b, None), lambda _, g: (g, g))


def test_calls_are_entered():
    def fn(a, b):
        x = jax.jit(jnp.matmul)(a, b)
        x = jax.checkpoint(jnp.matmul)(x, b)
        return jax.nn.relu(squared(x, b))

    assert count_cost(fn, shape(4, 4), shape(4, 4)).macs == 3 * 64


def test_loops_and_branches():
    a = shape(4, 4)

    def scanned(a):
        return lax.scan(lambda c, _: (c @ a, c @ a), a, None, length=7)

    assert count_cost(scanned, a).macs == 7 * 2 * 64

    def branched(a):
        return lax.cond(a.sum() > 0, lambda: a @ a @ a, lambda: a @ a)

    assert count_cost(branched, a).macs == 2 * 64

    def looped(a):
        return lax.while_loop(lambda c: c.sum() > 0, lambda c: c @ a, a)

    assert count_cost(looped, a) == Cost(64, 16, while_loops=1)
    idle = count_cost(lambda a: lax.while_loop(lambda c: c.sum() > 0, jnp.sin, a), a)
    assert idle == Cost()


def test_products_with_constants_are_kept_apart():
    matrix = np.ones((9, 4), np.float32)

    def fn(a):
        resized = jax.jit(lambda m, x: m @ x)(jnp.sqrt(matrix), a)
        return resized @ a

    cost = count_cost(fn, shape(4, 4))
    assert cost == Cost(macs=9 * 16, activations=36, fixed_macs=9 * 16)


def test_unused_results_cost_nothing():
    def fn(a):
        unused = jnp.sin(a @ a) @ a
        kept = jax.jit(lambda a: a @ a)(a)
        return {"aux": unused, "logits": kept}["logits"]

    assert count_cost(fn, shape(4, 4)).macs == 64


def test_weights_that_a_call_creates_are_arguments():
    def fn(x):
        made = {"used": jnp.zeros((4, 5)) + (x @ x)[0, 0], "fixed": jnp.ones((5, 3))}
        blur = jnp.ones((3, 3)) / 9
        return x @ made["used"] @ made["fixed"] @ blur, made

    cost, weights = count_cost_and_weights(fn, shape(4, 4))
    assert cost.macs == 4 * 4 * 5 + 4 * 5 * 3  # neither the making nor the blur
    assert cost.fixed_macs == 4 * 3 * 3
    assert {name: leaf.shape for name, leaf in weights.items()} == {
        "used": (4, 5),
        "fixed": (5, 3),
    }


def test_gradient_costs_three_forward_passes():
    x, k = shape(2, 8, 8, 4), shape(3, 3, 4, 4)

    def loss(x, k):
        return (conv(x, k, pad=1) ** 2).sum()

    forward = count_cost(loss, x, k).macs
    assert count_cost(jax.grad(loss, argnums=(0, 1)), x, k).macs == 3 * forward


def test_unknown_repetitions_are_refused():
    devices = jax.make_mesh((2,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec()
    fn = jax.shard_map(
        jnp.matmul, mesh=devices, in_specs=(spec, spec), out_specs=spec, check_vma=False
    )
    with pytest.raises(ValueError, match="shard_map"):
        count_cost(fn, shape(4, 4), shape(4, 4))


def test_parameters():
    tree = {"a": shape(3, 3, 4, 8), "b": {"c": shape(8), "d": shape()}}
    assert count_parameters(tree) == 288 + 8 + 1
