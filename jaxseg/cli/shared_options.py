"""Lists the options that every command has, and suggests one for a mistyped word."""

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
    """Returns the option of all commands that is most similar to a word.

    Args:
      word: A word of the command line.

    Returns:
      The option, such as "--quiet", or "" if none is similar.
    """
    found = difflib.get_close_matches(word, NAMES, n=1, cutoff=_SIMILAR)
    return found[0] if found and word.startswith("--") else ""


def unrecognized(argv: Sequence[str], own: Collection[str]) -> str:
    """Returns an error message if an option that every command has is mistyped.

    Args:
      argv: The words after the command.
      own: The names of the options that only this command has.

    Returns:
      The message, or "" if no such option is mistyped.
    """
    for word in argv:
        near = similar_shared(word)
        if near and word not in own and word not in ("--help", *ANYWHERE):
            meant = f"jaxseg {near}" if near in EARLY else near
            return f"Unrecognized options: {word}. Did you mean {meant}?"
    return ""
