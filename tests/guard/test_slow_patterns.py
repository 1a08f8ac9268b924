"""Operators and blocks do not compile to forms that are known to be slow.

Read from the compiled program's text, so that no clock is needed: XLA's passes over the
program run even where code generation is cheap, as in this suite. Whole networks are
looked at in tests/contract/test_gradients.py.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxseg.analysis.hlo.convolution import convolutions
from jaxseg.analysis.hlo.program_text import instructions
from tests.guard.slow_pattern import slow_patterns


def test_grouped_weight_gradients_are_caught_in_cheap_programs():
    from jaxseg.ops.conv import conv

    def text(impl):
        loss = lambda x, k: jnp.sum(conv(x, k, padding=1, groups=8, impl=impl) ** 2)
        x = jax.ShapeDtypeStruct((2, 33, 33, 32), jnp.float32)
        kernel = jax.ShapeDtypeStruct((3, 3, 4, 32), jnp.float32)
        return jax.jit(jax.grad(loss, 1)).lower(x, kernel).compile().as_text()

    assert "five dimensions" in slow_patterns(text("lax"))
    assert slow_patterns(text("auto")) == {}


def test_convolutions_in_a_loop_have_the_order_of_the_fast_routines():
    """XLA's CPU backend reorders axes only in the main program, not in loops."""
    from jaxseg.ops.conv import conv

    def orders(impl):
        def loss(kernel, x):
            x = jnp.sin(conv(x, kernel, padding=1, impl=impl))
            return jnp.sum(conv(x, kernel, stride=2, padding=1, impl=impl) ** 2)

        def total(kernel, xs):
            add = lambda total, x: (total + jax.grad(loss)(kernel, x), None)
            return jax.lax.scan(add, jnp.zeros_like(kernel), xs)[0]

        kernel = jax.ShapeDtypeStruct((3, 3, 8, 8), jnp.float32)
        xs = jax.ShapeDtypeStruct((4, 2, 17, 17, 8), jnp.float32)
        text = jax.jit(total).lower(kernel, xs).compile().as_text()
        assert " while(" in text
        return {one.labels for one in convolutions(text)}

    assert "f01b_i01o->01bf" in orders("lax")
    assert orders("auto") == {"b01f_01io->b01f"}


class Chain(nn.Module):
    """Applies units in sequence, each made by `unit(name)`."""

    unit: Callable[[str], nn.Module]
    count: int

    @nn.compact
    def __call__(self, x):
        for i in range(self.count):
            x = self.unit(f"unit{i}")(x, train=False)
        return x


def most_operands(model, x, gradient=False):
    """Returns the largest number of operands of a fusion of the compiled pass."""
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    run = lambda variables, x: jnp.sum(model.apply(variables, x) ** 2)
    run = jax.grad(run) if gradient else model.apply
    text = jax.jit(run).lower(variables, x).compile().as_text()
    fused = [i for i in instructions(text) if i.opcode == "fusion"]
    return max(len(i.operands) for i in fused)


def test_residual_units_are_not_computed_anew_behind_them():
    """The outputs of three units are three sums, and each unit reads the one before."""
    from jaxseg.nn.residual import BasicBlock

    model = Chain(lambda name: BasicBlock(8, name=name), 3)
    # at most the unit's input, a convolution and its four vectors
    assert most_operands(model, jnp.zeros((1, 17, 17, 8))) <= 6


@pytest.mark.slow
def test_the_residual_stream_is_not_computed_anew_in_either_direction():
    """The gradients of a transformer's layers are sums of a branching stream."""
    from jaxseg.nn.transformer import TransformerBlock

    model = Chain(lambda name: TransformerBlock(2, name=name), 4)
    # 65 where the stream is computed anew; a layer's own are 10
    assert most_operands(model, jnp.zeros((1, 33, 16)), gradient=True) <= 12
