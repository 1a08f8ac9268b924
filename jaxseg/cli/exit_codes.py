"""Lists the exit statuses of all commands, with their meaning.

`jaxseg --help` and the documentation show this table.
"""

from __future__ import annotations

import enum
import textwrap


class ExitCode(enum.IntEnum):
    """Lists the values that a command can return as its exit status.

    A command that a signal has stopped exits with 128 plus the number of the signal.
    """

    SUCCESS = 0
    ERROR = 1
    WRONG_LINE = 2
    DOES_NOT_FIT = 3
    NON_FINITE = 4
    LOST = 5


MEANINGS = {
    "0": "The command succeeded.",
    "1": (
        "An error occurred, which one line on standard error describes. It is also the "
        "status of `data check` for data with errors, of `verify` and `compare` for a "
        "difference, of `predict`, `sweep` and `reproduce` if an image or a run "
        "failed, and of `doctor` for a problem."
    ),
    "2": (
        "The command line cannot be parsed, for example because an option is unknown. "
        "`data check` also has this status if a value is wrong, because its status 1 "
        "means data with errors."
    ),
    "3": "`plan` found that the training step does not fit into memory.",
    "4": "The loss was not finite.",
    "5": "Another process of a multi-process run was lost.",
    "129, 130, 141, 143": (
        "A closed terminal (129), Ctrl-C (130), a closed pipe as in `jaxseg ... | "
        "head` (141) or SIGTERM (143) stopped the command. A training run saves a "
        "checkpoint before."
    ),
}


def as_text(width: int) -> str:
    """Returns the table of the exit statuses as text for a terminal.

    Args:
      width: The largest number of characters in a line.
    """
    left = max(map(len, MEANINGS)) + 4
    lines = []
    for code, meaning in MEANINGS.items():
        lines += textwrap.wrap(
            meaning,
            max(width, left + 20),
            initial_indent=f"  {code}".ljust(left),
            subsequent_indent=" " * left,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def as_markdown() -> str:
    """Returns the table of the exit statuses in Markdown, for the documentation."""
    rows = [f"| {code} | {meaning} |" for code, meaning in MEANINGS.items()]
    rows = [row.replace("... | head", "... \\| head") for row in rows]
    return "\n".join(["| exit status | meaning |", "|---|---|", *rows])
