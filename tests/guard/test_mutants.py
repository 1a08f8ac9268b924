"""Every mutant fits the present code, and its tests exist.

Otherwise `mutations.py` could not run a mutant whose line was rewritten or whose tests
were renamed. No mutant is run here.
"""

import json
import pathlib
import re

import pytest

from tests.guard.mutants import ALL
from tests.guard.mutations import FAILED

TESTS = pathlib.Path(__file__).parents[1]
RECORD = pathlib.Path(__file__).with_name("mutations.jsonl")


def functions(name):
    """Returns the names of the test functions in a file below `tests/`."""
    found = re.findall(
        r"^\s*def (test_\w+)\(", (TESTS / name).read_text(), re.MULTILINE
    )
    return ["", *found]  # A file that cannot be imported is recorded without a test.


def test_the_old_text_of_every_mutant_occurs_exactly_once():
    counts = {}
    for place, mutant in enumerate(ALL):
        file = TESTS.parent / "jaxseg" / mutant.file
        text = file.read_text() if file.is_file() else ""
        counts[place, mutant.file, mutant.old] = text.count(mutant.old)
        assert mutant.new != mutant.old, f"mutant {place} changes nothing"
    assert {key: count for key, count in counts.items() if count != 1} == {}


def test_every_mutant_names_test_files_that_exist():
    missing = [
        (place, name)
        for place, mutant in enumerate(ALL)
        for name in mutant.tests.split() or ["(no file)"]
        if not (TESTS / name).is_file()
    ]
    assert missing == []


def test_the_tests_that_noticed_mutants_exist():
    """The newest record of a mutant counts; run the mutant again if this fails."""
    newest = {}
    for line in RECORD.read_text().splitlines():
        row = json.loads(line)
        newest[tuple(row["mutant"].values())] = row["noticed_by"]
    missing = []
    for place, mutant in enumerate(ALL):
        if noticed := newest.get(mutant):
            file, _, test = noticed.removeprefix("tests/").partition("::")
            known = functions(file) if file in mutant.tests.split() else []
            if test.partition("[")[0] not in known:
                missing.append((place, noticed))
    assert missing == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("FAILED tests/a.py::test_b - assert x[0] == [1]", "tests/a.py::test_b"),
        (
            "FAILED tests/a.py::test_b[two - words] - a [1]",
            "tests/a.py::test_b[two - words]",
        ),
        ("FAILED tests/a.py::test_b[two words]", "tests/a.py::test_b[two words]"),
        ("ERROR tests/a.py - ImportError: no [module]", "tests/a.py"),
    ],
)
def test_names_of_failed_tests_are_recorded_whole(line, name):
    assert FAILED.search(f"1 failed\n{line}\n2 passed")[1] == name
