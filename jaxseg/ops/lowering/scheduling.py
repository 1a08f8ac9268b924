"""Makes XLA's CPU backend compute an array only once, or later than it otherwise would.

XLA's choices make these networks slow or need too much memory. If several operations
read the result of a chain of elementwise operations, XLA fuses the whole chain into
each of them and computes it repeatedly. It also runs an operation as soon as its inputs
exist, even if the result is needed much later and occupies memory until then.
`lax.optimization_barrier` does not help, because XLA removes it before it fuses and
schedules.

Neither `materialize` nor `order_after` changes the value of its argument x.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxseg.ops.lowering.platform import platform
from jaxseg.ops.lowering.portable import is_portable
from jaxseg.typing import Array


def order_after(x: Array, value: Array) -> Array:
    """Returns x; on a CPU, delays its computation until `value` is known.

    Without this function, XLA computes the flipped kernels and transposed maps of a
    whole backward pass at its start. The function adds a zero that XLA cannot predict
    and that depends on `value`.

    Args:
      x: An array of any shape.
      value: A float scalar. With several devices, x is returned unchanged, because the
        scalar would have to be sent to all of them.
    """
    if (
        is_portable()
        or platform() != "cpu"
        or jax.sharding.get_abstract_mesh().size > 1
    ):
        return x
    return _order_after.bind(x, value)


def zero_after(value: Array) -> Array:
    """Returns a scalar that is zero in every sum, but that XLA cannot predict.

    Adding it to an array does not change the array, but delays its computation until
    `value` is known, as `order_after` does. Several arrays can share the scalar. It is
    float32, and it is meant for one CPU device.

    Args:
      value: A float scalar.
    """
    return _order_after.bind(jnp.float32(-0.0), value)


def materialize(x: Array) -> Array:
    """Returns x; on a CPU, XLA then computes x once and not in each consumer.

    The gradient of x is also computed only once. Without this function, each unit of a
    residual stage computes the sums and normalizations of all earlier units again, and
    so does each kernel position of an atrous convolution that follows.
    """
    return x if is_portable() else _materialize.bind(x)


def _plus_zero(x, value):
    # Adding a zero leaves x unchanged, except that -0.0 becomes 0.0 if `value` is
    # positive. XLA cannot tell in advance which of the two zeros is added.
    zeros = (lax.full((), zero, x.dtype) for zero in (0.0, -0.0))
    return x + lax.select(value > 0, *zeros)


def _select_itself(x):
    """Returns x. XLA does not fuse a selection between two maps into its readers."""
    return lax.select(x == x, x, lax.full_like(x, jnp.nan))


def _order_after_jvp(primals, tangents):
    (x, value), (tangent, _) = primals, tangents
    if type(tangent) is not ad.Zero:
        tangent = _order_after.bind(tangent, value)
    return _order_after.bind(x, value), tangent


def _order_after_batched(operands, axes):
    """Applies `order_after` to a batch, which waits for one example's value only."""
    (x, value), (axis, values) = operands, axes
    if values is not None:
        value = lax.index_in_dim(value, 0, values, keepdims=False)
    return _order_after.bind(x, value), axis


def _primitive(name, on_cpu):
    """Defines a primitive that returns its first operand; `on_cpu` is its CPU form."""
    made = Primitive(name)
    made.def_impl(lambda x, *_: x)
    made.def_abstract_eval(lambda x, *_: x)
    mlir.register_lowering(made, lambda context, x, *_: [x])
    mlir.register_lowering(made, mlir.lower_fun(on_cpu, False), platform="cpu")
    return made


_materialize = _primitive("materialize", _select_itself)
ad.deflinear2(_materialize, lambda gradient, x: [materialize(gradient)])
batching.defvectorized(_materialize)

_order_after = _primitive("order_after", _plus_zero)
ad.primitive_jvps[_order_after] = _order_after_jvp
ad.primitive_transposes[_order_after] = lambda gradient, x, value: [gradient, None]
batching.primitive_batchers[_order_after] = _order_after_batched
