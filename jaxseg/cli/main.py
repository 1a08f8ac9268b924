"""Implements the command `jaxseg`, which imports only the sub-command that it runs.

`jaxseg.cli.exit_codes` lists the values with which a command exits.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shutil
import sys
import textwrap
import time
import warnings
from collections.abc import Sequence
from typing import Any

from jaxseg.cli import exit_codes
from jaxseg.cli.compilations import reporting
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.shared_options import ANYWHERE, EARLY, OPTIONS, similar_shared
from jaxseg.cli.verbosity import Verbosity, detail, is_verbose, using
from jaxseg.config.wording import option_words
from jaxseg.health import versions
from jaxseg.runs import compilation_cache as cache
from jaxseg.runs.renamed import current_options
from jaxseg.storage import output
from jaxseg.storage.address import is_address
from jaxseg.text import as_message, printable, similar

COMMANDS = {  # name -> (module with `main(argv) -> int`, one line)
    "train": ("jaxseg.cli.train", "train a network; the same command again resumes it"),
    "plan": (
        "jaxseg.cli.plan",
        "estimate memory and step time on a TPU slice you do not have",
    ),
    "data": ("jaxseg.cli.data", "check, show and describe data before training"),
    "eval": ("jaxseg.cli.eval", "score a trained network on a split of a dataset"),
    "report": ("jaxseg.cli.report", "write an HTML page about one run or several"),
    "verify": ("jaxseg.cli.verify", "compute the evaluation of a receipt once more"),
    "calibrate": (
        "jaxseg.cli.calibrate",
        "fit a scaling of the logits that calibrates the probabilities",
    ),
    "predict": ("jaxseg.cli.predict", "segment image files with a trained network"),
    "serve": ("jaxseg.cli.serve", "segment images over HTTP, with a page to try it"),
    "export": ("jaxseg.cli.export", "write a trained network for other runtimes"),
    "refine": ("jaxseg.cli.refine", "cut out an object with scribbles or a box"),
    "convert": ("jaxseg.cli.convert", "convert weights from and to PyTorch libraries"),
    "compare": (
        "jaxseg.cli.compare",
        "compare a PyTorch checkpoint with its import on images",
    ),
    "sweep": ("jaxseg.cli.sweep", "train several configurations with several seeds"),
    "reproduce": (
        "jaxseg.cli.reproduce",
        "train the rows of a published table at a reduced size",
    ),
    "lab": (
        "jaxseg.cli.lab",
        "study atrous rates, gridding, receptive fields and cost",
    ),
    "bench": (
        "jaxseg.cli.bench",
        "compare the speed of operators and networks with PyTorch",
    ),
    "models": (
        "jaxseg.cli.models",
        "list the architectures with parameters, FLOPs and papers",
    ),
    "doctor": ("jaxseg.cli.doctor", "look for problems of the installation"),
    "completion": (
        "jaxseg.cli.completion",
        "print a script that completes commands in bash, zsh or fish",
    ),
}
# These commands start without JAX. The doctor must run where it cannot be imported. The
# list of networks compiles nothing, and importing JAX takes longer than printing it.
UNCACHED = ("doctor", "models")


def main(argv: list[str] | None = None) -> int:
    """Runs one sub-command and returns the exit status."""
    try:
        with output.guarded():
            return dispatch(argv)
    except output.OutputClosed as closed:
        return closed.code


def dispatch(argv: list[str] | None) -> int:
    """Runs the sub-command that the first argument names; returns the exit status."""
    arguments, switches = split(sys.argv[1:] if argv is None else argv)
    if switches & {"-V", "--version"}:
        print(versions.as_text())
        return ExitCode.SUCCESS
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return ExitCode.SUCCESS if arguments else ExitCode.WRONG_LINE
    name = arguments.pop(0)
    if name not in COMMANDS:
        kind, near = "command", similar(name, COMMANDS)
        if name.startswith("-"):
            kind, near = "option", list(filter(None, [similar_shared(name)]))
        known = f", such as {' or '.join(map(repr, near))}" if near else ""
        print(
            f"jaxseg: {kind}={printable(repr(name))} is invalid: expected one of the "
            f"{kind}s below{known}.\n\n{usage()}",
            file=sys.stderr,
        )
        return ExitCode.WRONG_LINE
    if "--no-cache" in switches:
        os.environ[cache.SWITCH] = "0"
    quiet_storage()
    _, *arguments = current_options([name, *arguments])
    try:
        with using(level_of(switches)), option_words():
            start = time.monotonic()
            status = run(COMMANDS[name][0], arguments)
            detail(f"exit status {int(status)} after {time.monotonic() - start:.1f} s")
            return status
    except ValueError as error:  # Options of the command itself that contradict.
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        return ExitCode.WRONG_LINE


def split(argv: Sequence[str]) -> tuple[list[str], set[str]]:
    """Separates the options that all commands share from a command line.

    --quiet and --verbose are allowed before and after the command, but not after `--`,
    because `jaxseg sweep` passes the words after it to other commands. The other
    shared options must come before the command.

    Args:
      argv: The words after `jaxseg`.

    Returns:
      The remaining words, and the options that were found.
    """
    end = list(argv).index("--") if "--" in argv else len(argv)
    words, found = [], set()
    for place, word in enumerate(argv):
        early = not words and word in EARLY
        if place < end and (early or word in ANYWHERE):
            found.add(word)
        else:
            words.append(word)
    return words, found


def level_of(switches: set[str]) -> Verbosity:
    """Returns the `Verbosity`, how much a command prints, that the options select.

    Args:
      switches: The options of the command line, which can contain --quiet or --verbose.

    Raises:
      ValueError: If --quiet and --verbose are given.
    """
    quiet, verbose = switches & {"-q", "--quiet"}, switches & {"-v", "--verbose"}
    if quiet and verbose:
        raise ValueError(
            "--quiet is invalid with --verbose: expected one of the two options. Leave "
            "the other one out."
        )
    if quiet:
        return Verbosity.QUIET
    return Verbosity.VERBOSE if verbose else Verbosity.NORMAL


def run(module: str, arguments: list[str]) -> int:
    """Calls the `main` of a sub-command and returns the exit status.

    A ValueError or an OSError becomes one line on standard error and exit status 1.

    Args:
      module: The module that implements the sub-command.
      arguments: The arguments after the name of the sub-command.
    """
    try:
        name = module.rpartition(".")[2]
        folder = None if name in UNCACHED else cache.enable()
        detail(f"cache of compiled programs: {folder or 'set by JAX, or off'}")
        with (
            reporting() if is_verbose() else contextlib.nullcontext(),
            _local_runs(name, arguments) as words,
        ):
            return importlib.import_module(module).main(words)
    except (ValueError, OSError) as error:
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        return ExitCode.ERROR
    except KeyboardInterrupt:
        return 130


def _local_runs(
    command: str, arguments: list[str]
) -> contextlib.AbstractContextManager[list[str]]:
    """Makes the runs in buckets that a command line names local."""
    if not any(is_address(word.partition("=")[2] or word) for word in arguments):
        return contextlib.nullcontext(arguments)
    from jaxseg.cli.addresses import localized  # It needs JAX.

    return localized(command, arguments)


def quiet_storage() -> None:
    """Silences the messages that the checkpoint library prints about errors.

    jaxseg reports each error itself, on one line. After one failed read, the library
    would also print a traceback for every other read that is in progress.
    """
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    # After a failed write, asyncio logs each write in flight that nobody waits for.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    show = sys.unraisablehook

    def show_unless_closed(event: Any) -> None:
        if str(event.exc_value) != "Event loop is closed":
            show(event)

    sys.unraisablehook = show_unless_closed


def usage() -> str:
    """Returns the text of `jaxseg --help`."""
    width = min(shutil.get_terminal_size().columns, 160)
    left = max(map(len, COMMANDS)) + 4
    lines = ["usage: jaxseg [-q | -v] [--no-cache] COMMAND ...", ""]
    lines += ["Semantic segmentation in JAX.", "", "Commands:"]
    for name, (_, line) in COMMANDS.items():
        lines += _row(name, line, left, width)
    lines += ["", "Options of all commands:"]
    for name, line in OPTIONS.items():
        lines += _row(name, line, max(map(len, OPTIONS)) + 4, width)
    lines += ["", "Exit status:", exit_codes.as_text(width), ""]
    lines += textwrap.wrap(
        "`jaxseg COMMAND --help` shows the options of a command, with examples. "
        "Compiled programs are kept in ~/.cache/jaxseg/xla, up to 2 GB; the "
        "environment variable JAXSEG_CACHE_GB sets another limit.",
        width,
    )
    return "\n".join(lines)


def _row(name: str, text: str, left: int, width: int) -> list[str]:
    """Returns the lines of one row of the help, with the text in a second column."""
    start, indent = f"  {name}".ljust(left), " " * left
    return textwrap.wrap(
        text, max(width, left + 20), initial_indent=start, subsequent_indent=indent
    )


if __name__ == "__main__":
    sys.exit(main())
