"""Removes prefixes such as `module.`, which wrappers add to names of tensors."""

import collections
import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from jaxseg.weights.translate.refused import Refused, Remedy

USUAL = ("module", "_orig_mod", "model", "net", "network")
_AVERAGED = re.compile(r"(?:^|[._])(?:ema|swa|avg|averaged?)(?:[._]|$)")
_DEEPEST = 8  # Wrappers nest a few times; the bound ends the search.

Recognize = Callable[[set[str]], str | None]


@dataclasses.dataclass(frozen=True)
class Peeled:
    """Holds tensors whose common prefix was removed from their names.

    Attributes:
      state: The arrays by name.
      prefix: The prefix that was removed from every name.
      skipped: The full names of tensors with other prefixes.
      averages: The prefixes of those skipped tensors that are averaged copies of the
        weights.
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
    """Removes common prefixes until the remaining names are those of a known network.

    The result is a `Peeled`, which contains the arrays with the shorter names.

    No prefix is removed from names that are already those of a whole network, such as
    the names of Mask2Former in transformers, most of which start with `model.`.

    A usual prefix, such as `module.`, is removed if most names have it. Tensors without
    that prefix, such as those of a loss or a metric, are skipped. Any other prefix is
    removed only if the names are recognized without the prefix but not with it.

    Args:
      state: Arrays by name.
      path: The name of the file, for messages.
      wanted: A prefix that the user selected, or "". It is removed first.
      recognize: A function that says whether a set of names is that of a whole network
        ("network"), of a backbone ("backbone") or unknown (None).

    Raises:
      ValueError: If networks are recognized under several prefixes.
    """
    peeled = Peeled(dict(state))
    if wanted:
        peeled = _inner(peeled, wanted)
    for _ in range(_DEEPEST):
        if recognize is not None and recognize(set(peeled.state)) == "network":
            break
        name = _usual(peeled.state) or _recognized(
            set(peeled.state), path=path, recognize=recognize, outer=peeled.prefix
        )
        if not name:
            break
        peeled = _inner(peeled, name)
    return peeled


def is_averaged(name: str) -> bool:
    """Returns whether a name suggests averaged weights.

    >>> [is_averaged(n) for n in ("model_ema", "ema.module", "schema", "swa_model")]
    [True, True, False, True]
    """
    return _AVERAGED.search(name) is not None


def prefix_names(names: Iterable[str]) -> collections.Counter:
    """Counts tensor names by the text before their first dot, such as "module".

    The result is a `Counter` from this text to the number of names. Names without a dot
    are not counted.
    """
    return collections.Counter(name.partition(".")[0] for name in names if "." in name)


def _usual(names: Iterable[str]) -> str:
    """Returns a usual prefix that most names have, without averaged copies."""
    plain = {n: count for n, count in prefix_names(names).items() if not is_averaged(n)}
    for name in USUAL:
        if 2 * plain.get(name, 0) > sum(plain.values()):
            return name
    return ""


def _recognized(
    names: set[str], path: str, recognize: Recognize | None, outer: str = ""
) -> str:
    """Returns a prefix without which the names are recognized, or "".

    `outer` is the prefix that was removed before, for messages.
    """
    if recognize is None or recognize(names):
        return ""
    groups = prefix_names(names)
    if len(groups) == 1 and groups.total() == len(names):
        (shared,) = groups
        inner = _behind(names, shared)
        deeper = _usual(inner) or _recognized(
            inner, path=path, recognize=recognize, outer=f"{outer}{shared}."
        )
        return shared if recognize(inner) or deeper else ""
    fitting = [name for name in groups if _is_network(_behind(names, name), recognize)]
    plain = [name for name in fitting if not is_averaged(name)] or fitting
    if len(plain) > 1:
        full = sorted(outer + name for name in plain)
        listed = ", ".join(repr(f"{name}."[:60]) for name in full[:8])
        raise Refused(
            f"{path} contains the weights of {len(plain)} networks, with names that "
            f"start with {listed}.",
            [Remedy("entry", full[0], "select the first of them")],
        )
    return plain[0] if plain else ""


def _is_network(names: set[str], recognize: Recognize) -> bool:
    """Returns whether a whole network is recognized, also under usual prefixes."""
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
    """Returns the tensors under one prefix."""
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
        prefix=peeled.prefix + start,
        skipped=peeled.skipped + tuple(peeled.prefix + key for key in left),
        averages=peeled.averages + copies,
    )
