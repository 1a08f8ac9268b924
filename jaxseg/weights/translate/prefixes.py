"""Prefixes that wrappers of a network put before the names of its tensors."""

import collections
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from jaxseg.weights.translate.refused import Refused, Remedy

USUAL = ("module", "_orig_mod", "model", "net", "network")
_AVERAGED = re.compile(r"(?:^|[._])(?:ema|swa|avg|averaged?)(?:[._]|$)")
_DEEPEST = 8

Recognize = Callable[[set[str]], str | None]


@dataclasses.dataclass(frozen=True)
class Peeled:
    """Tensors without their common prefix.

    Attributes:
      state: Arrays by name.
      prefix: What stood before every name.
      skipped: Full names of tensors outside of the prefix.
      averages: Prefixes of averaged copies among those.
    """

    state: dict[str, np.ndarray]
    prefix: str = ""
    skipped: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()


def peel(
    state: Mapping[str, np.ndarray],
    path: str,
    *,
    wanted: str = "",
    recognize: Recognize | None = None,
) -> Peeled:
    """Takes prefixes off until the names are those of a network.

    A usual prefix is taken off when most names have it: what a loss or a metric keeps
    beside the network stays behind. Any other prefix is taken off when the names are
    recognized without it and not with it.

    Args:
      state: Arrays by name.
      path: The file's name, for messages.
      wanted: A prefix that was asked for; it is taken off first.
      recognize: Tells the part that a set of names belongs to, None if unknown.

    Raises:
      ValueError: Networks are recognized behind several prefixes.
    """
    peeled = Peeled(dict(state))
    if wanted:
        peeled = _inner(peeled, wanted)
    for _ in range(_DEEPEST):
        name = _usual(peeled.state) or _recognized(
            set(peeled.state), path, recognize, peeled.prefix
        )
        if not name:
            break
        peeled = _inner(peeled, name)
    return peeled


def is_averaged(name: str) -> bool:
    """Whether a name says that it stands for averaged weights.

    >>> [is_averaged(n) for n in ("model_ema", "ema.module", "schema", "swa_model")]
    [True, True, False, True]
    """
    return _AVERAGED.search(name) is not None


def prefix_names(names: Iterable[str]) -> collections.Counter:
    """How many names start with each first word."""
    return collections.Counter(name.partition(".")[0] for name in names if "." in name)


def _usual(names: Iterable[str]) -> str:
    """A usual prefix that most names have, averaged copies apart."""
    plain = {n: count for n, count in prefix_names(names).items() if not is_averaged(n)}
    for name in USUAL:
        if 2 * plain.get(name, 0) > sum(plain.values()):
            return name
    return ""


def _recognized(
    names: set[str], path: str, recognize: Recognize | None, outer: str = ""
) -> str:
    """The prefix without which the names are recognized; they are not with it.

    `outer` is what was taken off before, for messages.
    """
    if recognize is None or recognize(names):
        return ""
    groups = prefix_names(names)
    if len(groups) == 1 and groups.total() == len(names):
        (shared,) = groups
        inner = _behind(names, shared)
        deeper = _usual(inner) or _recognized(
            inner, path, recognize, f"{outer}{shared}."
        )
        return shared if recognize(inner) or deeper else ""
    fitting = [name for name in groups if _is_network(_behind(names, name), recognize)]
    plain = [name for name in fitting if not is_averaged(name)] or fitting
    if len(plain) > 1:
        full = sorted(outer + name for name in plain)
        listed = ", ".join(repr(f"{name}."[:60]) for name in full[:8])
        raise Refused(
            f"{path} holds the weights of {len(plain)} networks, with names that start "
            f"with {listed}",
            [Remedy("entry", full[0], "takes the first of them")],
        )
    return plain[0] if plain else ""


def _is_network(names: set[str], recognize: Recognize) -> bool:
    """Whether a whole network is recognized, behind usual prefixes too."""
    for _ in range(_DEEPEST):
        usual = _usual(names)
        if not usual:
            break
        names = _behind(names, usual)
    return recognize(names) == "network"


def _behind(names: Iterable[str], prefix: str) -> set[str]:
    start = f"{prefix}."
    return {name.removeprefix(start) for name in names if name.startswith(start)}


def _inner(peeled: Peeled, name: str) -> Peeled:
    """The tensors behind one prefix."""
    rest = [key for key in peeled.state if not key.startswith(f"{name}.")]
    copies = tuple(filter(is_averaged, prefix_names(rest)))
    left = (key for key in rest if key.partition(".")[0] not in copies)
    start = f"{name}."
    return Peeled(
        {
            key.removeprefix(start): value
            for key, value in peeled.state.items()
            if key.startswith(start)
        },
        peeled.prefix + start,
        peeled.skipped + tuple(peeled.prefix + key for key in left),
        peeled.averages + copies,
    )
