"""Defines placeholders for the objects that other programs store in checkpoints.

MMEngine stores its log (`message_hub`) in every checkpoint, training scripts store
their arguments, and schedulers their counters. The importer does not need these objects
and does not create them. Each object whose class is listed here becomes an `Unread`,
which only keeps the name of the class. No library is imported, and none of its
functions is called. If a placeholder occurs where the state dict should contain a
tensor, the state dict is rejected.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_PLAIN = ("__builtin__", "builtins")
_BUILTINS = (
    *("set", "frozenset", "dict", "list", "int", "float", "str", "bool", "bytes"),
    *("bytearray", "complex", "slice", "range", "xrange", "object"),
)
_TORCH_DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
    *("bool", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    *("float8_e8m0fnu", "float4_e2m1fn_x2", "bits8", "bits16"),
)
_PATHS = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
NAMES = frozenset(
    {
        # Logs and configurations of MMEngine and its predecessor MMCV.
        "mmengine.logging.history_buffer.HistoryBuffer",
        "mmengine.config.config.ConfigDict",
        "mmcv.utils.config.ConfigDict",
        # Configurations and arguments of other training programs.
        "yacs.config.CfgNode",
        "fvcore.common.config.CfgNode",
        "detectron2.config.config.CfgNode",
        "easydict.EasyDict",
        "addict.addict.Dict",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "argparse.Namespace",
        "types.SimpleNamespace",
        # Arrays and numbers of NumPy.
        *(f"{module}._reconstruct" for module in _NUMPY),
        *(f"{module}.scalar" for module in _NUMPY),
        "numpy.ndarray",
        "numpy.dtype",
        "_codecs.encode",
        # Plain types of Python, such as sets and the parts of a defaultdict.
        *(f"{module}.{name}" for module in _PLAIN for name in _BUILTINS),
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "datetime.datetime",
        "datetime.date",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
        "uuid.UUID",
        *(f"pathlib.{name}" for name in _PATHS),
        *(f"pathlib._local.{name}" for name in _PATHS),
        # Descriptions of tensors.
        "torch.Size",
        "torch.device",
        "torch.serialization._get_layout",
        *(f"torch.{name}" for name in _TORCH_DTYPES),
    }
)
FAMILIES = (  # All classes in these modules are listed.
    "numpy.random.",
    "pytorch_lightning.callbacks.",
    "lightning.pytorch.callbacks.",
)
GETATTR = ("__builtin__.getattr", "builtins.getattr")


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """Is a placeholder for an object in a checkpoint that jaxseg does not create.

    Attributes:
      full: The full name of the class of the object.
    """

    full: str

    def __repr__(self) -> str:
        return f"<unread {self.full}>"


class Name(Unread):
    """Stands for a class or function that a pickle file names, without importing it."""

    __slots__ = ()


def is_listed(full: str) -> bool:
    """Returns whether placeholders replace the objects of a class in a checkpoint.

    Args:
      full: The full name of the class.
    """
    return full in NAMES or full.startswith(FAMILIES)


def attribute(owner: Any, name: Any) -> Unread | None:
    """Returns a placeholder for a method that a file refers to in a `getattr` call.

    MMEngine's log contains such calls, for example `getattr(HistoryBuffer, "mean")`.
    They are not executed.

    Args:
      owner: The class.
      name: The name of the method.

    Returns:
      The placeholder, or None if placeholders do not replace objects of this class.
    """
    if not isinstance(owner, Name) or not is_listed(owner.full):
        return None
    named = isinstance(name, str) and len(name) <= 100 and name.isidentifier()
    return Unread(owner.full) if named and not name.startswith("_") else None


def unread_names(tree: Any) -> tuple[str, ...]:
    """Returns a sorted tuple of the class names of all placeholders in a tree.

    Args:
      tree: Nested dicts, lists and tuples that contain the placeholders.
    """
    names: set[str] = set()
    seen: set[int] = set()
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, Unread):
            names.add(value.full)
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            stack += value.values() if isinstance(value, Mapping) else value
    return tuple(sorted(names))
