"""Runs blocks in a process with one device, which lives as long as the tests.

The process imports JAX once, and programs that are compiled for one page are not
compiled again for the next one.
"""

import contextlib
import doctest
import io
import os
import pathlib
import shlex
import subprocess
import sys
import traceback
import warnings

SHELL = set("|&;<>$*`(){}~")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_names: dict[str, dict] = {}  # folder of a page -> the names that its blocks define


def start(data: str, cache: str, bin_folder: str) -> None:
    """Prepares the process: where data and programs are kept, and `jaxseg` on PATH."""
    os.environ |= {"JAXSEG_DATA_DIR": data, "COLUMNS": "100", "NO_COLOR": "1"}
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    os.environ["PATH"] = os.pathsep.join((bin_folder, os.environ["PATH"]))
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    program = pathlib.Path(bin_folder) / "jaxseg"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m jaxseg.cli.main "$@"\n')
    program.chmod(0o755)
    for name in ("python", "python3"):
        with contextlib.suppress(FileExistsError):
            (pathlib.Path(bin_folder) / name).symlink_to(sys.executable)
    warnings.simplefilter("ignore")


def python(code: str, folder: str, name: str) -> tuple[int, str]:
    """Executes Python code; blocks of one page share their names.

    Returns:
      0 or 1, and the printed text, with the traceback of an exception.
    """
    names = _names.setdefault(folder, {"__name__": "__page__"})
    with _inside(folder) as printed:
        try:
            exec(compile(code, name, "exec"), names)
        except Exception:
            print(traceback.format_exc())
            return 1, printed.getvalue()
    return 0, printed.getvalue()


def session(code: str, folder: str, name: str) -> tuple[int, str]:
    """Runs a Python session and compares its results with those that it shows."""
    names = _names.setdefault(folder, {"__name__": "__page__"})
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=OPTIONS)
    test = parser.get_doctest(code, names, name, None, 0)
    test.globs = names
    with _inside(folder) as printed:
        runner.run(test, clear_globs=False)
    return int(runner.summarize(verbose=False).failed > 0), printed.getvalue()


def command(line: str, folder: str) -> tuple[int, str]:
    """Runs a command line, and returns its exit status and what it has printed.

    `jaxseg` runs in this process, unless the line needs a shell.
    """
    if SHELL & set(line.replace("'", "").replace('"', "")) or not line.startswith(
        "jax"
    ):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout
    from jaxseg.cli.main import main

    with _inside(folder) as printed:
        try:
            status = main(shlex.split(line, comments=True)[1:])
        except SystemExit as end:
            status = end.code or 0
    return int(status), printed.getvalue()


@contextlib.contextmanager
def _inside(folder):
    printed, before = io.StringIO(), os.getcwd()
    os.chdir(folder)
    sys.path.insert(0, folder)
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            yield printed
    finally:
        sys.path.remove(folder)
        os.chdir(before)
