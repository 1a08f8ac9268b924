"""What XLA's CPU backend computes once, and what it computes late.

For networks it decides both badly. It fuses a chain of elementwise operations into
every reader of its end, and computes it anew there. And it runs what it can as soon as
it can, so that results wait for their readers. `lax.optimization_barrier` does not
help: it is gone before XLA fuses and orders.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxseg.ops.lowering.platform import platform
from jaxseg.typing import Array


def after(x: Array, value: Array) -> Array:
    """x, on a CPU not computed before `value`, any float scalar, is known.

    Without it the flipped kernels and transposed maps of the whole backward pass are
    made at its start. A sum with a zero that XLA cannot foresee makes it wait. With
    several devices `value` would have to reach them all; x is left alone there.
    """
    if platform() != "cpu" or jax.sharding.get_abstract_mesh().size > 1:
        return x
    return _after.bind(x, value)


def kept(x: Array) -> Array:
    """x, on a CPU written out once, and so is its gradient: for a residual stream.

    Without it the sums and normalisations of all units of a stage are computed anew in
    each unit, and in each tap of an atrous kernel behind it.
    """
    return _kept.bind(x)


def _added(x, value):
    return x + jnp.where(value > 0, 0.0, -0.0).astype(x.dtype)


def _selected(x):
    """Operations of one map are fused into readers, not a selection between two."""
    return jnp.where(x == x, x, jnp.nan)


def _after_jvp(primals, tangents):
    (x, value), (tangent, _) = primals, tangents
    moved = tangent if type(tangent) is ad.Zero else _after.bind(tangent, value)
    return _after.bind(x, value), moved


def _after_batched(operands, axes):
    """One of the examples' values is as good as all."""
    (x, value), (axis, values) = operands, axes
    if values is not None:
        value = lax.index_in_dim(value, 0, values, keepdims=False)
    return _after.bind(x, value), axis


def _primitive(name, on_cpu):
    """Its first operand, computed by `on_cpu` on a CPU."""
    made = Primitive(name)
    made.def_impl(lambda x, *_: x)
    made.def_abstract_eval(lambda x, *_: x)
    mlir.register_lowering(made, lambda context, x, *_: [x])
    mlir.register_lowering(made, mlir.lower_fun(on_cpu, False), platform="cpu")
    return made


_kept = _primitive("kept", _selected)
ad.deflinear2(_kept, lambda gradient, x: [kept(gradient)])
batching.defvectorized(_kept)

_after = _primitive("after", _added)
ad.primitive_jvps[_after] = _after_jvp
ad.primitive_transposes[_after] = lambda gradient, x, value: [gradient, None]
batching.primitive_batchers[_after] = _after_batched
