"""The exit statuses: one table, which the help, the code and the documentation share."""

import pathlib

from jaxseg.cli import exit_codes
from jaxseg.cli.exit_codes import MEANINGS, ExitCode
from jaxseg.training.devices.processes import LOST

ROOT = pathlib.Path(__file__).parents[2]


def test_the_table_has_every_code():
    named = {str(int(code)) for code in ExitCode}
    assert named == {name for name in MEANINGS if "," not in name}
    assert ExitCode.LOST == LOST


def test_the_documentation_contains_the_table():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = [page for page in pages if "| exit status |" in page.read_text()]
    assert found
    for page in found:
        assert exit_codes.as_markdown() in page.read_text(), page


def test_the_help_prints_the_table_within_its_width():
    text = exit_codes.as_text(60)
    assert max(map(len, text.splitlines())) <= 60
    assert " ".join(MEANINGS["4"].split()) in " ".join(text.split())
