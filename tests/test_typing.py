"""The type checker accepts the public packages and a user's program, and rejects errors.

mypy takes its configuration, and the list of packages, from pyproject.toml.
"""

import inspect
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
WRONG = "tests/typing/wrong.py"


@pytest.mark.slow
def test_only_the_wrong_calls_are_rejected():
    """Each line of wrong.py states the kind of its error."""
    pytest.importorskip("mypy")
    files = (*SETTINGS["files"], "tests/typing/user.py", WRONG)
    command = (sys.executable, "-m", "mypy", "--no-pretty", *files)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = (ROOT / WRONG).read_text().splitlines()
    expected = {
        (WRONG, str(number), line.split("# expect: ")[1])
        for number, line in enumerate(lines, start=1)
        if "# expect: " in line
    }
    errors = re.findall(r"^(.+?):(\d+): error: .*\[(.+)\]$", done.stdout, re.MULTILINE)
    assert len(expected) == 11
    assert {*errors} == expected, done.stdout + done.stderr


def defining_file(name, value):
    """Returns the file that defines a public name, or the file of its package."""
    try:
        return inspect.getsourcefile(inspect.unwrap(value))
    except (TypeError, ValueError):  # A constant.
        return sys.modules[name.rpartition(".")[0]].__file__


@pytest.mark.slow
def test_every_public_name_is_in_a_file_that_is_checked(monkeypatch):
    """The public names are those of docs/_ext/public_names.py."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    import public_names

    names = public_names.public_names()
    found = {defining_file(name, value) for name, value in names.items()}
    files = {pathlib.Path(path).resolve().relative_to(ROOT) for path in found}
    checked = [pathlib.Path(path) for path in SETTINGS["files"]]
    assert len(names) > 400 and len(files) > 100
    missing = [p for p in files if not any(p.is_relative_to(c) for c in checked)]
    assert sorted(map(str, missing)) == []
