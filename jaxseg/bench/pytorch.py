"""PyTorch as the other side of `jaxseg bench`: device, threads, layout, libraries.

Nothing of PyTorch is imported before a `Torch` is made. torchvision and mmcv expect
operators of a CUDA build; where these are absent, the declarations here let their pure
Python networks import on a CPU build (calling such an operator raises).
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
    """The imported library and how the benchmark uses it.

    Attributes:
      torch: the module.
      device: "cpu" or "cuda".
      compiling: whether networks and operators go through `torch.compile`.
    """

    def __init__(self, device: str, *, threads: int = 0, compiling: bool = False):
        self.torch = importlib.import_module("torch")
        self.device = "cuda" if device == "gpu" else device
        self.compiling = compiling
        if threads:
            self.torch.set_num_threads(threads)
        if self.device == "cuda" and not self.torch.cuda.is_available():
            raise ValueError("PyTorch sees no CUDA device; use --no-torch")
        self.torch.backends.cudnn.benchmark = True

    def wait(self) -> None:
        """Returns when the device is idle."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def compile(self, function: Callable) -> Callable:
        """The function or network, compiled if that was asked for."""
        return self.torch.compile(function) if self.compiling else function

    def tensor(self, array: np.ndarray, order: str, index: int, dtype: str):
        """An argument in PyTorch's layout: an image, a kernel, or labels."""
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
        """An array in our layout as a tensor like the given one."""
        value = self.torch.from_numpy(np.asarray(array, np.float32))
        value = value.permute(0, 3, 1, 2) if value.ndim == 4 else value
        return value.to(tensor.device, tensor.dtype)

    def module(self, network):
        """A network on the device, channels_last."""
        return network.to(self.device, memory_format=self.torch.channels_last)


_KERNEL_AXES = {"oihw": (3, 2, 0, 1), "iohw": (2, 3, 0, 1)}
_KEPT: list[Any] = []
PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "mmseg": "mmsegmentation",
}


def installed(name: str) -> bool:
    """Whether a library can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def versions() -> dict[str, str]:
    """Versions of JAX, jaxlib, Flax and the PyTorch libraries that are installed."""
    found = {}
    for name in ("jax", "jaxlib", "flax", *PACKAGES.values()):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


@functools.cache
def torchvision():
    """torchvision, with the detection operators it looks up at import declared."""
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
    return importlib.import_module("torchvision")


@functools.cache
def smp():
    """segmentation_models_pytorch; it imports timm and torchvision."""
    torchvision()
    return importlib.import_module("segmentation_models_pytorch")


@functools.cache
def mmseg():
    """mmseg; on mmcv-lite, compiled operators become functions that raise."""
    torchvision()
    mmcv = importlib.import_module("mmcv")
    if importlib.util.find_spec("mmcv._ext") is None:
        extension = types.ModuleType("mmcv._ext")
        extension.__getattr__ = _absent
        sys.modules["mmcv._ext"] = extension
        mmcv.__version__ = "2.1.0"  # mmseg refuses 2.2.0 by number and runs on it
    return importlib.import_module("mmseg")


def _absent(name: str):
    if name.startswith("__"):
        raise AttributeError(name)

    def operator(*args, **kwargs):
        raise RuntimeError(f"compiled operator {name} is absent")

    return operator
