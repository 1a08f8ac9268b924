"""Implements the command `jaxseg`, which imports a sub-command when it is called.

The command exits with one of these values:

    0        The command succeeded.
    1        An error occurred, which one line on standard error describes.
             `jaxseg verify` also exits with 1 if it finds a difference.
    2        The command line is wrong.
    3        `jaxseg plan` found that the training step does not fit into memory.
    4        The loss was not finite.
    5        Another process of a multi-process run was lost.
    128 + n  Signal n stopped the command. A training run saves a checkpoint before.

The last value is 143 for SIGTERM, 130 for SIGINT, 129 for SIGHUP or a closed terminal,
and 141 if the program that reads standard output has ended, as in `jaxseg ... | head`.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
import warnings
from typing import Any

from jaxseg.runs import compilation_cache as cache
from jaxseg.runs.renamed import current_options
from jaxseg.storage import output
from jaxseg.text import as_message, printable

COMMANDS = {  # name -> (module with `main(argv) -> int`, one line)
    "train": ("jaxseg.cli.train", "train a network; the same command again resumes it"),
    "plan": (
        "jaxseg.cli.plan",
        "estimate memory and step time on a TPU slice you do not have",
    ),
    "data": ("jaxseg.cli.data", "check, show and describe data before training"),
    "eval": ("jaxseg.cli.eval", "score a trained network on a split of a dataset"),
    "verify": ("jaxseg.cli.verify", "compute the evaluation of a receipt once more"),
    "calibrate": (
        "jaxseg.cli.calibrate",
        "fit a scaling of the logits that calibrates the probabilities",
    ),
    "predict": ("jaxseg.cli.predict", "segment image files with a trained network"),
    "export": ("jaxseg.cli.export", "write a trained network for other runtimes"),
    "refine": ("jaxseg.cli.refine", "cut out an object with scribbles or a box"),
    "convert": ("jaxseg.cli.convert", "convert weights from and to PyTorch libraries"),
    "sweep": ("jaxseg.cli.sweep", "train several configurations with several seeds"),
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
}


def main(argv: list[str] | None = None) -> int:
    """Runs one sub-command and returns the exit status."""
    try:
        with output.guarded():
            return dispatch(argv)
    except output.OutputClosed as closed:
        return closed.code


def dispatch(argv: list[str] | None) -> int:
    """Runs the sub-command that the first argument names; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    name = arguments.pop(0)
    if name == "--no-cache" and arguments:
        os.environ[cache.SWITCH] = "0"
        name = arguments.pop(0)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        known = f", such as {near[0]!r}" if near else ""
        print(
            f"jaxseg: command={printable(repr(name))} is invalid: expected one of the "
            f"commands below{known}.\n\n{usage()}",
            file=sys.stderr,
        )
        return 2
    quiet_storage()
    _, *arguments = current_options([name, *arguments])
    return run(COMMANDS[name][0], arguments)


def run(module: str, arguments: list[str]) -> int:
    """Calls the `main` of a sub-command and returns the exit status.

    A ValueError or an OSError becomes one line on standard error and exit status 1.

    Args:
      module: The module that implements the sub-command.
      arguments: The arguments after the name of the sub-command.
    """
    try:
        cache.enable()
        return importlib.import_module(module).main(arguments)
    except (ValueError, OSError) as error:
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


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
    width = max(map(len, COMMANDS))
    rows = [f"  {name:{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: jaxseg [--no-cache] COMMAND ...",
            "",
            "Semantic segmentation in JAX.",
            "",
            *rows,
            "",
            "`jaxseg COMMAND --help` shows the options of a command.",
            "",
            "Compiled programs are kept in ~/.cache/jaxseg/xla, up to 2 GB.",
            "JAXSEG_CACHE_GB sets another limit; --no-cache does without the cache.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
