"""Tokens in place of foreign objects that checkpoints carry beside their tensors.

MMEngine hangs its log (``message_hub``) onto every checkpoint, trainers their
arguments, schedulers their counters. Nothing of that is needed, and nothing of it is
made: each name in ``NAMES`` becomes an empty class of its own, whose creation, state
and items are swallowed. No library is imported and none of its functions is called. A
token among the tensors themselves is an error of the state dict.
"""

from collections.abc import Mapping
from typing import Any

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_PLAIN = ("__builtin__", "builtins")
NAMES = frozenset(
    {
        # MMEngine's log and configurations, MMCV's before it
        "mmengine.logging.history_buffer.HistoryBuffer",
        "mmengine.config.config.ConfigDict",
        "mmcv.utils.config.ConfigDict",
        # arrays and numbers of numpy inside it
        *(f"{module}._reconstruct" for module in _NUMPY),
        *(f"{module}.scalar" for module in _NUMPY),
        "numpy.ndarray",
        "numpy.dtype",
        "_codecs.encode",
        # sets, and what a defaultdict is made of
        *(f"{m}.{n}" for m in _PLAIN for n in ("set", "frozenset", "dict", "list")),
        *(f"{m}.{n}" for m in _PLAIN for n in ("int", "float")),
        # arguments, times and paths of training scripts; counters of schedulers
        "argparse.Namespace",
        "datetime.datetime",
        "datetime.date",
        "datetime.timedelta",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.WindowsPath",
        "pathlib.PureWindowsPath",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "torch.Size",
        "torch.device",
    }
)
GETATTR = ("__builtin__.getattr", "builtins.getattr")


class Unread:
    """An object of the file that is not read. ``full`` names its class there."""

    __slots__ = ()
    full = ""

    def __new__(cls, *_, **__):
        """Keeps nothing of the arguments."""
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Keeps nothing."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keeps nothing."""

    def append(self, value: Any) -> None:
        """Keeps nothing."""

    def extend(self, values: Any) -> None:
        """Keeps nothing."""

    def __repr__(self) -> str:
        return f"<unread {self.full}>"


class _Closed(type):
    """Classes that the file cannot write to."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise TypeError(f"the file sets {name} on {cls.__name__}")


def token(full: str) -> type[Unread]:
    """An empty class that stands for the global ``full``."""
    return _Closed(full, (Unread,), {"__slots__": (), "full": full})


def attribute(owner: Any, name: Any) -> Unread | None:
    """What ``getattr`` of the file gives: a token for a token's method, else None.

    MMEngine's log holds its own methods (``getattr(HistoryBuffer, "mean")``).
    """
    method = isinstance(name, str) and name.isidentifier() and name[0] != "_"
    return owner() if isinstance(owner, _Closed) and method else None


def unread_names(tree: Any) -> tuple[str, ...]:
    """The classes of all tokens in dicts, lists and tuples, sorted."""
    names: set[str] = set()
    seen: set[int] = set()
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, Unread | _Closed):
            names.add(value.full)
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            stack += value.values() if isinstance(value, Mapping) else value
    return tuple(sorted(names))
