"""Lists the options of all commands, and suggests them for mistyped ones."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

EARLY = ("-V", "--version", "--no-cache")  # These stand before the command.
ANYWHERE = ("-q", "--quiet", "-v", "--verbose")
OPTIONS = {
    "-q, --quiet": "Print only results and errors.",
    "-v, --verbose": "Also print what is compiled, how long it takes, and the paths.",
    "-V, --version": "Print the versions of jaxseg, JAX, Flax and Python.",
    "-h, --help": "Print this help.",
    "--no-cache": "Neither read nor write the cache of compiled programs.",
}
NAMES = tuple(name for title in OPTIONS for name in title.split(", ") if name[1] == "-")
_SIMILAR = 0.75  # A command may have options whose names are less similar than this.


def similar_shared(word: str) -> str:
    """Returns the option of all commands that is similar to a word, or "".

    Args:
      word: A word of the command line.
    """
    found = difflib.get_close_matches(word, NAMES, n=1, cutoff=_SIMILAR)
    return found[0] if found and word.startswith("--") else ""


def unrecognized(argv: Sequence[str], own: Collection[str]) -> str:
    """Returns the error about a mistyped option of all commands, or "".

    Args:
      argv: The words after the command.
      own: The names of the options of the command.
    """
    for word in argv:
        near = similar_shared(word)
        if near and word not in own and word not in ("--help", *ANYWHERE):
            meant = f"jaxseg {near}" if near in EARLY else near
            return f"Unrecognized options: {word}. Did you mean {meant}?"
    return ""
