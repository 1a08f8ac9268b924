"""Suggests existing paths that are similar to one that does not exist."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from jaxseg.text import similar

_MOST = 1_000  # The most entries of a folder that are compared with a name.


def did_you_mean_path(path: str | Path, accepted: Callable[[Path], bool]) -> str:
    """Returns a question such as "Did you mean 'data/train'?", or "".

    It suggests existing paths that are similar to the given one, in which any component
    may be mistyped. The result is "" if there is no such path.

    Args:
      path: The path.
      accepted: A function that returns whether a path can be suggested.
    """
    written = Path(path)
    start = Path(written.anchor)
    found = [start]
    for part in written.parts[1 if written.anchor else 0 :]:
        found = [one for folder in found for one in _named(folder, part)]
    shown = [str(one) for one in found if one != written and accepted(one)]
    return f" Did you mean {' or '.join(map(repr, shown[:3]))}?" if shown else ""


def _named(folder: Path, name: str) -> list[Path]:
    """Returns the entry of a folder with a name, or else those with similar names."""
    try:
        if (folder / name).exists():
            return [folder / name]
        entries = [path.name for path in islice(folder.iterdir(), _MOST)]
    except OSError:
        return []
    return [folder / one for one in similar(name, entries)]
