"""Named, invertible changes of layout between PyTorch tensors and ours.

A transform is written in a table as a name, with arguments where it needs any:
`"conv"`, `"conv_transpose"`, `"linear"`, `"identity"`, `"conv1d"`,
`"conv_as_linear"`, `"linear_as_conv(7, 7)"`. Layouts: PyTorch stores a
convolution as OIHW, a transposed one as IOHW and a dense matrix as [out, in]; we
store HWIO, HWIO (not flipped) and [in, out].
"""

import re

import numpy as np

_CALL = re.compile(r"(\w+)(?:\(([\d\s,]*)\))?")
_AXES = {
    "conv": (2, 3, 1, 0),
    "conv_transpose": (2, 3, 0, 1),
    "conv1d": (2, 1, 0),
    "linear": (1, 0),
}
NAMES = (*_AXES, "identity", "conv_as_linear", "linear_as_conv")


def parse(transform: str) -> tuple[str, tuple[int, ...]]:
    """Splits `"linear_as_conv(7, 7)"` into its name and its integers.

    Raises:
      ValueError: The name is not one of `NAMES`.
    """
    match = _CALL.fullmatch(transform)
    if match is None or match[1] not in NAMES:
        raise ValueError(f"transform {transform!r} is not one of {NAMES}")
    return match[1], tuple(int(n) for n in re.findall(r"\d+", match[2] or ""))


def default(target: str, ndim: int) -> str:
    """The transform of a rule that names none: by the tensor's rank and target."""
    if ndim == 4:
        return "conv"
    if ndim == 2 and target.endswith("/kernel"):
        return "linear"
    return "identity"


def apply(transform: str, array: np.ndarray) -> np.ndarray:
    """PyTorch layout to ours.

    Raises:
      ValueError: The rank or the sizes do not suit the transform.
    """
    name, sizes = parse(transform)
    if name in _AXES:
        _check_rank(name, array, len(_AXES[name]))
        return array.transpose(_AXES[name])
    if name == "linear_as_conv":
        return _linear_as_conv(array, *sizes)
    if name == "conv_as_linear":
        _check_rank(name, array, 4)
        if array.shape[2:] != (1, 1):
            raise ValueError(f"conv_as_linear needs a 1x1 kernel, got {array.shape}")
        return array[:, :, 0, 0].T
    return array


def invert(transform: str, array: np.ndarray) -> np.ndarray:
    """Our layout to PyTorch's; `invert(t, apply(t, x))` is `x` exactly."""
    name, _ = parse(transform)
    if name in _AXES:
        _check_rank(name, array, len(_AXES[name]))
        return array.transpose(np.argsort(_AXES[name]))
    if name == "linear_as_conv":
        return array.transpose(3, 2, 0, 1).reshape(array.shape[3], -1)
    if name == "conv_as_linear":
        return array.T[:, :, None, None]
    return array


def _linear_as_conv(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """[out, C*h*w], flattened channel first, to an h x w kernel (FCN's fc6)."""
    _check_rank("linear_as_conv", array, 2)
    if array.shape[1] % (height * width):
        raise ValueError(
            f"linear_as_conv({height}, {width}): {array.shape[1]} inputs are not a "
            f"multiple of {height * width}"
        )
    return array.reshape(array.shape[0], -1, height, width).transpose(2, 3, 1, 0)


def _check_rank(name: str, array: np.ndarray, ndim: int) -> None:
    if array.ndim != ndim:
        raise ValueError(f"{name} needs {ndim} dimensions, got shape {array.shape}")
