"""Traces a function with standard operations only, for converters to other formats.

Converters to ONNX and TFLite know the operations of `jax.lax`, but not the primitives
of `jaxseg.ops.lowering.scheduling`, and they handle padding best where it belongs to a
convolution. In a function that `portable` returns, the operators of `jaxseg.ops`
therefore call `lax.conv_general_dilated` and `lax.reduce_window` directly, as they do
for TPUs. The values are the same up to the rounding of sums.
"""

import contextvars
import functools
from collections.abc import Callable
from typing import Any

# JAX traces a function in the thread and the context that call it, so that this
# variable marks one trace and no other one.
_PORTABLE = contextvars.ContextVar("portable", default=False)


def is_portable() -> bool:
    """Returns whether the current trace may contain standard operations only."""
    return _PORTABLE.get()


def portable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that is traced with standard operations only.

    Pass the result to `jax.jit`, `jax.make_jaxpr` or a converter. Programs that were
    compiled for `function` itself are not used, because the result is another function.

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
