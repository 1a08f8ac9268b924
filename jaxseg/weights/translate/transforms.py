"""Converts tensors between the layouts of PyTorch and of jaxseg.

An import table refers to a transform by its name and arguments: `"conv"`,
`"conv_transpose"`, `"linear"`, `"identity"`, `"conv1d"`, `"channels"`,
`"conv_as_linear"`, `"linear_as_conv(7, 7)"`. PyTorch stores a convolution as OIHW, a
transposed one as IOHW and a dense matrix as [out, in]. jaxseg stores them as
HWIO, HWIO (not flipped) and [in, out]. "channels" changes the shape of an array with
one factor for each channel from [C, 1, 1] to [C]. "merging" changes the order of the
input channels of Swin's patch merging from MMSegmentation's to jaxseg's. All transforms
are invertible.

With "linear_part(0, 3)", a matrix [out, in] is the first of three that jaxseg stores as
one matrix [in, 3 out]. "vector_part(0, 3)" is the same for a bias. An example is a
library that stores queries, keys and values in three layers.
"""

import re

import numpy as np

from jaxseg.text import one_of

_CALL = re.compile(r"(\w+)(?:\(([\d\s,]*)\))?")
_AXES = {
    "conv": (2, 3, 1, 0),
    "conv_transpose": (2, 3, 0, 1),
    "conv1d": (2, 1, 0),
    "linear": (1, 0),
}
_PARTS = ("linear_part", "vector_part")
NAMES = (
    *(*_AXES, "identity", "channels", "merging", "conv_as_linear", "linear_as_conv"),
    *_PARTS,
)


def parse(transform: str) -> tuple[str, tuple[int, ...]]:
    """Splits a layout conversion such as "linear_as_conv(7, 7)" into name and integers.

    >>> parse("linear_as_conv(7, 7)")
    ('linear_as_conv', (7, 7))

    Args:
      transform: The text of the conversion.

    Raises:
      ValueError: If the name is not one of `NAMES`.
    """
    match = _CALL.fullmatch(transform)
    if match is None or match[1] not in NAMES:
        raise ValueError(
            f"transform={transform!r} is invalid{one_of(transform, NAMES)}"
        )
    return match[1], tuple(int(n) for n in re.findall(r"\d+", match[2] or ""))


def part(transform: str | None) -> tuple[int, int] | None:
    """Returns which part of a variable a tensor contains, and the number of parts.

    >>> part("linear_part(0, 3)"), part("linear")
    ((0, 3), None)

    Args:
      transform: The text of the conversion, or None.

    Returns:
      The index, counted from 0, and the number of parts. The result is None if the
      tensor contains the whole variable.
    """
    if transform is None or not transform.startswith(_PARTS):
        return None
    _, (index, count) = parse(transform)
    return index, count


def default(target: str, ndim: int) -> str:
    """Returns the layout conversion of a tensor whose import rule does not name one.

    The result is "conv", "linear" or "identity".

    Args:
      target: The path of the variable.
      ndim: The rank of the tensor.
    """
    if ndim == 4:
        return "conv"
    if ndim == 2 and target.endswith("/kernel"):
        return "linear"
    return "identity"


def apply(transform: str, array: np.ndarray) -> np.ndarray:
    """Converts an array from PyTorch's layout to that of jaxseg.

    For a part, such as "linear_part(0, 3)", the result is that part of the variable.

    Args:
      transform: The name and arguments of the conversion, such as "conv".
      array: The array in PyTorch's layout.

    Raises:
      ValueError: If the transform does not apply to the shape of the array.
    """
    name, sizes = parse(transform)
    if name in _AXES:
        _check_rank(name, array, len(_AXES[name]))
        return array.transpose(_AXES[name])
    if name == "linear_as_conv":
        return _linear_as_conv(array, *sizes)
    if name == "linear_part":
        return apply("linear", array)
    if name == "merging":
        return _merging(array)
    if name == "channels":
        _check_rank(name, array, 3)
        return array.reshape(-1)  # One factor for each channel, stored as [C, 1, 1].
    if name == "conv_as_linear":
        _check_rank(name, array, 4)
        if array.shape[2:] != (1, 1):
            raise ValueError(
                f"kernel.shape={array.shape} is invalid: expected a 1x1 kernel for "
                "conv_as_linear"
            )
        return array[:, :, 0, 0].T
    return array


def invert(transform: str, array: np.ndarray) -> np.ndarray:
    """Converts an array from the layout of jaxseg to PyTorch's.

    `invert(t, apply(t, x))` is exactly `x`. For a part, such as "linear_part(0, 3)",
    the array is the whole variable, and the result is one part of it.

    Args:
      transform: The name and arguments of the conversion, such as "conv".
      array: The array in the layout of jaxseg.
    """
    name, sizes = parse(transform)
    if name in _PARTS:
        index, size = sizes[0], array.shape[-1] // sizes[1]
        piece = array[..., index * size : (index + 1) * size]
        return piece.T if name == "linear_part" else piece
    if name in _AXES:
        _check_rank(name, array, len(_AXES[name]))
        return array.transpose(np.argsort(_AXES[name]))
    if name == "linear_as_conv":
        return array.transpose(3, 2, 0, 1).reshape(array.shape[3], -1)
    if name == "merging":
        return _merging(array.T, back=True)
    if name == "channels":
        return array[:, None, None]
    if name == "conv_as_linear":
        return array.T[:, :, None, None]
    return array


def _linear_as_conv(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Converts [out, C*h*w], flattened channel first, to an h x w kernel (FCN's
    fc6).
    """
    _check_rank("linear_as_conv", array, 2)
    if array.shape[1] % (height * width):
        raise ValueError(
            f"weight.shape={array.shape} is invalid: expected a multiple of "
            f"{height * width} inputs for linear_as_conv({height}, {width})"
        )
    return array.reshape(array.shape[0], -1, height, width).transpose(2, 3, 1, 0)


def _merging(array: np.ndarray, back: bool = False) -> np.ndarray:
    """Converts parameters [4 C] or [out, 4 C] of the merging of 2x2 pixels (Swin).

    MMSegmentation orders the last axis by channel, row and column, and jaxseg by
    column, row and channel. A matrix becomes [4 C, out]. With `back`, the order is
    changed in the opposite direction and a matrix stays as it is.
    """
    if array.ndim not in (1, 2) or array.shape[-1] % 4:
        raise ValueError(
            f"shape={array.shape} is invalid for the merging of 2x2 pixels: expected "
            "one or two dimensions, and a last dimension that is a multiple of 4"
        )
    split = (2, 2, -1) if back else (-1, 2, 2)
    parts = array.reshape(*array.shape[:-1], *split)
    ordered = parts.swapaxes(-3, -1).reshape(array.shape)
    return ordered if back else ordered.T


def _check_rank(name: str, array: np.ndarray, ndim: int) -> None:
    if array.ndim != ndim:
        raise ValueError(
            f"shape={array.shape} is invalid: expected {ndim} dimensions for {name}"
        )
