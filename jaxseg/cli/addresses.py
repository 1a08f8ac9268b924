"""Makes local copies of the runs in buckets that a command line names.

The local folders replace the addresses on the command line, so a command can read a run
in a bucket like a local run. If the command ends without an error, the files that it
has written to the run directory are uploaded. `jaxseg train` handles addresses itself,
and so does `jaxseg convert` for its output.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxseg.cli.verbosity import note
from jaxseg.runs.remote.reading import followed_run, updated_run
from jaxseg.storage.address import is_address

LOCAL = ("sweep", "reproduce", "data")  # commands that cannot read a run from a bucket
OUTPUTS = ("-o", "--output")
INPUTS = ("--data.prepared-dir", "--data.raw-dir")


@contextlib.contextmanager
def localized(command: str, argv: Sequence[str]) -> Iterator[list[str]]:
    """Returns a context manager that makes local copies of runs on a command line.

    Args:
      command: The name of the command.
      argv: The arguments of the command.

    Yields:
      The arguments, in which local folders replace the addresses of runs.

    Raises:
      ValueError: If an address is given where the command needs a local path, or if it
        is not the address of a run directory.
    """
    if command == "train":
        yield list(argv)
        return
    uploads: list[list[str]] = []
    with contextlib.ExitStack() as stack:
        words = []
        for option, value, word in _values(argv):
            itself = command == "convert" and option in OUTPUTS
            if is_address(value) and option not in INPUTS and not itself:
                opened = _opened(command, option, value, argv)
                folder, uploaded = stack.enter_context(opened)
                uploads.append(uploaded)
                word = word.removesuffix(value) + str(folder)
            words.append(word)
        yield words
    for address in (address for uploaded in uploads for address in uploaded):
        note(f"stored: {address}")


def _values(argv: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yields for each word the option before it, the value in it, and the word."""
    option = ""
    for word in argv:
        if word.startswith("-"):
            option, _, value = word.partition("=")
        else:
            value = word
        yield option, value, word


@contextlib.contextmanager
def _opened(
    command: str, option: str, value: str, argv: Sequence[str]
) -> Iterator[tuple[Path, list[str]]]:
    """Opens the run at an address, and yields its folder and what is uploaded."""
    name = option.lstrip("-") or "workdir"
    if command in LOCAL or option in OUTPUTS:
        raise ValueError(
            f"{name}={value!r} is invalid for `jaxseg {command}`: expected a local "
            "path, because this command cannot use a bucket for it. Only "
            "`jaxseg train` and `jaxseg convert` write runs to buckets."
        )
    elif any(word.partition("=")[0] == "--follow" for word in argv):
        with followed_run(name, value) as opened:
            yield opened
    else:
        with updated_run(name, value) as opened:
            yield opened
