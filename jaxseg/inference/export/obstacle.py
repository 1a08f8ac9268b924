"""Finds the function of jaxseg that prevents the export of a network."""

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
    TypeError,
    NotImplementedError,  # JAX raises it for primitives without a rule for such sizes.
)


def operation(error: BaseException) -> str:
    """Returns the name of the jaxseg function that raised an error, `module.function`.

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
    """Returns an error that says why a network cannot take images of any size.

    Args:
      error: The error that JAX raised because a size depends on the image. Its type is
        in `OPEN_SIZE_ERRORS`.
    """
    return ValueError(
        f"any_size=True is invalid for this network: {operation(error)} needs to know "
        f"the size ({reason(error)}). Pass --size HEIGHT WIDTH instead."
    )


def reason(error: BaseException) -> str:
    """Returns the line of an error's message that states the cause.

    This is the first line with "error:", otherwise the first line that is not empty.
    """
    lines = [line.strip() for line in str(error).splitlines()]
    wrong = [line for line in lines if "error:" in line] or [*filter(None, lines)]
    return (wrong or [type(error).__name__])[0][:300]
