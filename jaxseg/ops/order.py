"""What XLA's CPU backend computes once, and what it computes late.

For networks it decides both badly. It fuses a chain of elementwise operations into
every reader of its end, and computes it anew there. And it runs what it can as soon as
it can, so that results wait for their readers. `lax.optimization_barrier` does not
help: it is gone before XLA fuses and orders.
"""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxseg.ops.target import platform
from jaxseg.typing import Array


def after(x: Array, value: Array) -> Array:
    """x, on a CPU not computed before `value`, any float scalar, is known.

    Without it the flipped kernels and transposed maps of the whole backward pass are
    made at its start. A sum with a zero that XLA cannot foresee makes it wait. With
    several devices `value` would have to reach them all; x is left alone there.
    """
    if platform() != "cpu" or jax.sharding.get_abstract_mesh().size > 1:
        return x
    return x + jnp.where(value > 0, 0.0, -0.0).astype(x.dtype)


def kept(x: Array) -> Array:
    """x, on a CPU written out once, and so is its gradient: for a residual stream.

    Without it the sums and normalisations of all units of a stage are computed anew in
    each unit, and in each tap of an atrous kernel behind it.
    """
    return _kept.bind(x)


def _selected(x):
    """Operations of one map are fused into readers, not a selection between two."""
    return jnp.where(x == x, x, jnp.nan)


_kept = Primitive("kept")
_kept.def_impl(lambda x: x)
_kept.def_abstract_eval(lambda x: x)
ad.deflinear2(_kept, lambda gradient, x: [kept(gradient)])
batching.defvectorized(_kept)
mlir.register_lowering(_kept, lambda context, x: [x])
mlir.register_lowering(_kept, mlir.lower_fun(_selected, False), platform="cpu")
