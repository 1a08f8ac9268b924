"""Sets up PyTorch for `jaxseg bench`: device, threads, memory format and libraries.

PyTorch is imported only when an object of the class `Torch` is created. torchvision and
mmcv look up compiled operators when they are imported, which fails if only a CPU build
without these operators is installed. This file declares the missing operators, so that
networks that do not use them can be imported. Calling a declared operator raises an
error.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np


class Torch:
    """Contains PyTorch and its settings in the benchmark.

    Attributes:
      torch: The module `torch`.
      device: "cpu" or "cuda".
      compiling: Whether networks and operators are compiled with `torch.compile`.
    """

    def __init__(self, device: str, *, threads: int = 0, compiling: bool = False):
        self.torch = importlib.import_module("torch")
        self.device = "cuda" if device == "gpu" else device
        self.compiling = compiling
        if threads:
            self.torch.set_num_threads(threads)
        if self.device == "cuda" and not self.torch.cuda.is_available():
            raise ValueError(
                "device='gpu' is invalid: expected a CUDA device that PyTorch sees. "
                "Pass --no-torch to measure jaxseg alone."
            )
        self.torch.backends.cudnn.benchmark = True

    def wait(self) -> None:
        """Waits until PyTorch's device has finished all work."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def compile(self, function: Callable) -> Callable:
        """Compiles a function or network with `torch.compile` if `compiling` is True.

        Otherwise, the function or network is returned unchanged.
        """
        return self.torch.compile(function) if self.compiling else function

    def tensor(self, array: np.ndarray, order: str, index: int, dtype: str):
        """Converts an argument of an operator to a PyTorch tensor on the device.

        Args:
          array: An image [B, H, W, C], a kernel in HWIO, or labels [B, H, W].
          order: The order of a kernel's axes in PyTorch, "oihw" or "iohw".
          index: The position of the argument; 0 is the image.
          dtype: The name of the floating-point type, such as "float32".
        """
        tensor = self.torch.from_numpy(np.ascontiguousarray(array))
        if array.dtype.kind == "i":
            return tensor.long().to(self.device)
        tensor = tensor.to(self.device, getattr(self.torch, dtype))
        if array.ndim == 4:
            axes = (0, 3, 1, 2) if index == 0 else _KERNEL_AXES[order]
            tensor = tensor.permute(axes)
            layout = self.torch.channels_last
            tensor = tensor.contiguous(memory_format=layout)
        return tensor.detach()

    def like(self, array: np.ndarray, tensor):
        """Converts an array in NHWC to a PyTorch tensor in NCHW.

        The result has the device and the data type of `tensor`, another PyTorch tensor.
        """
        value = self.torch.from_numpy(np.asarray(array, np.float32))
        value = value.permute(0, 3, 1, 2) if value.ndim == 4 else value
        return value.to(tensor.device, tensor.dtype)

    def module(self, network):
        """Moves a network to the device, in the memory format channels_last."""
        return network.to(self.device, memory_format=self.torch.channels_last)


_KERNEL_AXES = {"oihw": (3, 2, 0, 1), "iohw": (2, 3, 0, 1)}
_KEPT: list[Any] = []  # Libraries whose declarations end when they are collected.
PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "mmseg": "mmsegmentation",
}


def installed(name: str) -> bool:
    """Returns whether a library is installed, without importing it."""
    return importlib.util.find_spec(name) is not None


def versions() -> dict[str, str]:
    """Returns a dictionary from the name of each installed library to its version.

    The libraries are JAX, jaxlib, Flax, PyTorch, and libraries of PyTorch networks.
    """
    found = {}
    for name in ("jax", "jaxlib", "flax", *PACKAGES.values()):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


@functools.cache
def torchvision():
    """Imports and returns torchvision, even if its compiled operators cannot be loaded.

    This happens if torchvision was built for another PyTorch than the one that is
    installed. The operators that torchvision looks up at import are then declared to
    PyTorch, and torchvision is imported again.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _declare_operators()
    return importlib.import_module("torchvision")


def _declare_operators() -> None:
    """Declares the operators that torchvision needs at import, without kernels."""
    torch = importlib.import_module("torch")
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key

    def answer(name, key):
        with contextlib.suppress(RuntimeError):
            return has_kernel(name, key)
        return False

    torch._C._dispatch_has_kernel_for_dispatch_key = answer
    library = torch.library.Library("torchvision", "FRAGMENT")
    for op in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):
            library.define(f"{op}(Tensor dets, Tensor scores, float t) -> Tensor")
    _KEPT.append(library)


def timm():
    """Imports and returns the library timm.

    timm imports torchvision, which fails if its compiled operators are absent. They are
    therefore declared to PyTorch first.
    """
    torchvision()
    return importlib.import_module("timm")


def smp():
    """Imports and returns the library segmentation_models_pytorch.

    That library imports torchvision, which fails if its compiled operators are absent.
    They are therefore declared to PyTorch first.
    """
    torchvision()
    return importlib.import_module("segmentation_models_pytorch")


@functools.cache
def mmseg():
    """Imports and returns the library mmseg, even if only mmcv-lite is installed.

    mmcv-lite lacks the compiled operators of mmcv. Each of them is replaced by a
    function that raises an error when it is called.
    """
    torchvision()
    mmcv = importlib.import_module("mmcv")
    if importlib.util.find_spec("mmcv._ext") is None:
        extension = types.ModuleType("mmcv._ext")
        extension.__getattr__ = _absent
        sys.modules["mmcv._ext"] = extension
        mmcv.__version__ = "2.1.0"  # mmseg rejects 2.2.0 by its number but runs on it.
    return importlib.import_module("mmseg")


def _absent(name: str):
    if name.startswith("__"):
        raise AttributeError(name)

    def operator(*args, **kwargs):
        raise RuntimeError(
            f"operator={name!r} is invalid: expected a version of mmcv that contains "
            "its compiled code. Install mmcv instead of mmcv-lite."
        )

    return operator
