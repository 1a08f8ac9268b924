"""Traces a function with standard operations only, for converters to other formats.

Converters to ONNX and TFLite know the operations of `jax.lax`, but not the primitives
of `jaxseg.ops.lowering.scheduling`. They handle padding best if it is an argument of
the convolution. While a function that `portable` returns is traced, the operators of
`jaxseg.ops` therefore call `lax.conv_general_dilated` and `lax.reduce_window` directly,
as they do for TPUs. Apart from rounding, the results do not change.
"""

import contextvars
import functools
from collections.abc import Callable
from typing import Any

# JAX traces a function in the thread and the context that call it, so that this
# variable marks one trace and no other one.
_PORTABLE = contextvars.ContextVar("portable", default=False)


def is_portable() -> bool:
    """Returns whether JAX is currently tracing a function that `portable` returned."""
    return _PORTABLE.get()


def portable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that is traced with standard operations only.

    The returned function computes the same as `function`. Pass it to `jax.jit`,
    `jax.make_jaxpr` or a converter. JAX does not reuse programs that it has compiled
    for `function`, because the returned function is a different object.

    Args:
      function: A function of arrays that calls operators of `jaxseg.ops`.

    >>> is_portable(), portable(is_portable)()
    (False, True)
    """

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        token = _PORTABLE.set(True)
        try:
            return function(*args, **kwargs)
        finally:
            _PORTABLE.reset(token)

    return traced
