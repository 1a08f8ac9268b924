"""Prints messages unless --quiet is given, and details if --verbose is given.

Results and errors are printed in any case, by `print`. `jaxseg.cli.main` takes the two
options from the command line of every command.
"""

from __future__ import annotations

import contextlib
import contextvars
import enum
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from jaxseg.storage.json_file import plain
from jaxseg.text import as_message


class Verbosity(enum.IntEnum):
    """Lists how much a command can print in addition to its results and errors."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_CURRENT = contextvars.ContextVar("verbosity", default=Verbosity.NORMAL)


@contextlib.contextmanager
def using(level: Verbosity) -> Iterator[None]:
    """Returns a context manager in which messages are printed at another level.

    Args:
      level: How much is printed inside the block.
    """
    token = _CURRENT.set(level)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def is_quiet() -> bool:
    """Returns whether only results and errors are printed, as with --quiet."""
    return _CURRENT.get() == Verbosity.QUIET


def is_verbose() -> bool:
    """Returns whether details are printed, as with --verbose."""
    return _CURRENT.get() == Verbosity.VERBOSE


def note(text: object, *, file: TextIO | None = None) -> None:
    """Prints a message, unless --quiet is given.

    Args:
      text: The message, whose unprintable characters are escaped.
      file: The stream. The default is standard output.
    """
    if not is_quiet():
        print(as_message(text), file=file, flush=True)


def detail(text: object) -> None:
    """Prints a message to standard error if --verbose is given."""
    if is_verbose():
        print(f"jaxseg: {as_message(text)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def only_json(wanted: bool = True) -> Iterator[Callable[[Any], None]]:
    """Returns a context manager that keeps standard output free for one JSON document.

    Inside the block, everything that is printed goes to standard error.

    Args:
      wanted: Whether a document is wanted. If not, the block prints as usual, and the
        function does nothing.

    Yields:
      A function that prints its argument as a JSON document to standard output. NaN and
      infinite numbers, which JSON does not have, become null.
    """
    if not wanted:
        yield lambda document: None
        return
    output = sys.stdout

    def write(document: Any) -> None:
        text = json.dumps(plain(document), indent=2, allow_nan=False)
        print(text, file=output, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        yield write
