"""The exit statuses: one table, which the help, the code and the documentation share."""

import pathlib
import shlex

import pytest

from jaxseg.cli import arguments, exit_codes
from jaxseg.cli.exit_codes import MEANINGS, ExitCode
from jaxseg.cli.forms import command_forms
from jaxseg.cli.main import main
from jaxseg.config import Config
from jaxseg.data.datasets import DATASETS
from jaxseg.runs.directory import write_run
from jaxseg.training.devices.processes import LOST

ROOT = pathlib.Path(__file__).parents[2]
FORMS = command_forms()
REQUIRED = {  # The required arguments of a command, with values that do not exist.
    "data audit": "nowhere other",
    "data where": "nowhere",
    "data polygons": "nowhere --images nowhere -o out",
    "eval": "nowhere",
    "report": "nowhere",
    "verify": "nowhere",
    "calibrate": "nowhere",
    "predict": "nowhere.png -o out --workdir nowhere",
    "serve": "nowhere",
    "export": "nowhere -o out.onnx",
    "refine": "nowhere.png --box 1 2 3 4 -o out",
    "convert": "nowhere -o out",
    "compare": "nowhere.pth nowhere.png",
    "sweep": "nowhere.py",
    "reproduce": "nowhere table1",
    "lab plan": "--field nowhere",
    "lab rates": "nowhere",
    "lab receptive-field": "nowhere",
    "lab erf": "nowhere",
    "lab cost": "nowhere",
    "lab consistency": "nowhere",
    "lab compare": "nowhere unet",
}
WRONG = REQUIRED | {  # Arguments that are parsed, and then found to be wrong.
    "train": "nowhere.py",
    "plan": "nowhere.py",
    "data check": "nowhere",
    "data show": "nowhere",
    "lab plan": "--field 0",
    "lab valid-taps": "nowhere",
    "lab checkerboard": "--kernel 0",
    "bench": "--budget 0",
    "models": "nowhere",
}
CANNOT_BE_WRONG = {"data list", "doctor", "completion"}  # They take no such value.


def status_of(words):
    try:
        return main(words)
    except SystemExit as end:
        return end.code


def one_line(capsys):
    text = capsys.readouterr().err
    assert text.startswith("jaxseg: ") and text.count("\n") == 1, text
    return text


def test_the_table_has_every_code():
    named = {str(int(code)) for code in ExitCode}
    assert named == {name for name in MEANINGS if "," not in name}
    assert ExitCode.LOST == LOST


def test_the_documentation_contains_the_table():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    found = [page for page in pages if "| exit status | meaning |" in page.read_text()]
    assert found
    for page in found:
        assert exit_codes.as_markdown() in page.read_text(), page


def test_the_help_prints_the_table_within_its_width():
    text = exit_codes.as_text(60)
    assert max(map(len, text.splitlines())) <= 60
    assert " ".join(MEANINGS["4"].split()) in " ".join(text.split())


@pytest.mark.parametrize("name", FORMS)
def test_an_unknown_option_has_status_2(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [*name.split(), "--nonsense"]
    if name in ("eval", "calibrate"):  # They read the run before they parse.
        write_run(tmp_path / "run", Config(), DATASETS["shapes"].spec)
        words.insert(1, "run")
    before = sorted(tmp_path.rglob("*"))
    assert status_of(words) == 2
    assert f"(see jaxseg {name} --help)" in one_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", FORMS)
def test_a_wrong_value_has_status_1(name, tmp_path, monkeypatch, capsys):
    assert set(WRONG) == set(FORMS) - CANNOT_BE_WRONG
    if name in CANNOT_BE_WRONG:
        return
    monkeypatch.chdir(tmp_path)
    status = status_of([*name.split(), *shlex.split(WRONG[name])])
    assert status == (2 if name == "data check" else 1)
    one_line(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error, status", [(KeyboardInterrupt, 130), (OSError, 1)])
@pytest.mark.parametrize("name", ["train", "predict", "lab rates", "completion"])
def test_an_interruption_has_status_130(name, error, status, monkeypatch, capsys):
    def fail(*_):
        raise error("disk full")

    monkeypatch.setattr(arguments, "check_bounds", fail)
    rest = {"predict": REQUIRED["predict"], "lab rates": "1,2", "completion": "bash"}
    words = [*name.split(), *shlex.split(rest.get(name, ""))]
    assert status_of(words) == status
    text = capsys.readouterr().err
    assert text == ("" if status == 130 else "jaxseg: disk full\n")
