"""Shows the progress of `jaxseg predict`, or lists the written files."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from jaxseg.cli.progress_display import Pace, is_terminal, showing
from jaxseg.cli.verbosity import note
from jaxseg.tasks.prediction import FileResult
from jaxseg.text import as_message

LISTED = 20  # Up to this number of inputs, the files are listed in a log.


def follow(results: Iterable[FileResult], pace: Pace) -> int:
    """Shows the progress while files are predicted, and prints the errors.

    If standard output is not a terminal and there are at most 20 input files, the
    progress is not shown. Instead, the paths of each input file and of its output are
    printed on one line.

    Args:
      results: The results as they become ready. Each one has the path of its input
        file and the path of the written file, or an error for one or several files.
      pace: The object that counts the finished files and measures their speed.

    Returns:
      The number of failed inputs.
    """
    failed = 0
    listing = pace.total <= LISTED and not is_terminal(sys.stdout)
    with showing(pace, sys.stdout) as show:
        for result in results:
            pace.advance(len(result.paths))
            if result.error is not None:
                failed += len(result.paths)
                print(f"jaxseg: {as_message(result.error)}", file=sys.stderr)
            elif listing:
                note(f"{result.paths[0]} -> {result.written}")
            if not listing:
                show()
    return failed
