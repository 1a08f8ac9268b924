"""Names the operation because of which a network cannot be exported."""

from __future__ import annotations

import traceback
from pathlib import Path

import jax

PACKAGE = Path(__file__).parents[2]
# Errors with which JAX refuses a size that depends on the image.
OPEN_SIZE_ERRORS = (
    jax.errors.InconclusiveDimensionOperation,
    jax.errors.JAXTypeError,
    IndexError,
    IndexError,
    TypeError,
    NotImplementedError,
)


def operation(error: BaseException) -> str:
    """Returns the function of jaxseg in which an error occurred, as `module.function`.

    Args:
      error: An error that was raised while the network was traced.
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE) and "export" not in path.parts:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            return ".".join((*parts, frame.name))
    return "an operation of JAX"


def refused(error: BaseException) -> ValueError:
    """Returns the error for a network that cannot be traced for images of any size.

    Args:
      error: One of `OPEN_SIZE_ERRORS`, which was raised while the network was traced.
    """
    return ValueError(
        f"any_size=True is invalid for this network: {operation(error)} needs to know "
        f"the size ({reason(error)}). Pass --size HEIGHT WIDTH instead."
    )


def reason(error: BaseException) -> str:
    """Returns the first line of an error that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    wrong = [line for line in lines if "error:" in line] or [*filter(None, lines)]
    return (wrong or [type(error).__name__])[0][:300]
