"""A wrong option ends in one line that names it, and changes nothing."""

import dataclasses
import pathlib
import shutil
import typing

import pytest

from jaxseg.cli import (
    averaging,
    bench,
    calibrate,
    calibration_options,
    convert,
    data_check,
    data_show,
    exact,
    lab,
    measuring,
    models,
    plan,
    predict,
    refine,
    refining,
    reproduce,
    score_options,
    sweep,
    train,
    windows,
)
from jaxseg.cli import eval as evaluation
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig
from jaxseg.runs.bounds import BOUNDS, FREE
from tests.faults import option_fuzz
from tests.faults.refusals import LATE, OTHERS, TRAIN

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
PHOTOS = GOLDEN / "photos"
IMAGE = PHOTOS / "validation" / "images" / "scene1.png"
SMALL = (  # a run that begins within seconds
    "--data.name=folder", f"--data.raw-dir={PHOTOS}", "--data.crop", "16", "24",
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--train.steps=1", "--train.batch-size=4", "--devices=1",
)  # fmt: skip
SWEEP = "from jaxseg.config import *\nconfigs = {'a': Config()}\n"


def snapshot(folder):
    """Names and bytes of everything in a folder."""
    paths = sorted(folder.rglob("*"))
    return {p: p.read_bytes() if p.is_file() else None for p in paths}


def call(arguments):
    """The exit status of a command."""
    try:
        return main([str(word) for word in arguments])
    except SystemExit as end:
        return end.code


def refused(arguments, name, capsys):
    """Asserts a status and one line on standard error that names the option."""
    capsys.readouterr()
    assert call(arguments) in (1, 2)
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and text.startswith("jaxseg: "), text
    assert name in text or name.replace("_", "-") in text, text
    assert len(text) < 1000, text


@pytest.fixture
def run(tmp_path):
    """A copy of a finished run."""
    shutil.copytree(GOLDEN / "unet", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Where the photographs are prepared."""
    return tmp_path_factory.mktemp("data")


def ids(rows):
    return [" ".join(words) for words, _ in rows]


@pytest.mark.parametrize(("words", "name"), TRAIN, ids=ids(TRAIN))
def test_a_finished_run_is_not_touched(words, name, run, capsys):
    before = snapshot(run.parent)
    refused(("train", "--workdir", run, *words), name, capsys)
    assert snapshot(run.parent) == before


@pytest.mark.slow
@pytest.mark.parametrize(("words", "name"), LATE, ids=ids(LATE))
def test_a_new_run_leaves_nothing(words, name, data, tmp_path, capsys):
    where = ("--workdir", tmp_path / "a" / "run", "--data.prepared-dir", data)
    refused(("train", *where, *SMALL, *words), name, capsys)
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize(("words", "name"), OTHERS, ids=ids(OTHERS))
def test_other_commands(words, name, run, capsys, monkeypatch):
    monkeypatch.chdir(run.parent)
    (run.parent / "sweep.py").write_text(SWEEP)
    places = {"RUN": run, "IMAGE": IMAGE, "FILE": "sweep.py", "OUT": "out"}
    before = snapshot(run.parent)
    refused([places.get(word, word) for word in words], name, capsys)
    assert snapshot(run.parent) == before


def numbers(kind, prefix=""):
    """Dotted names of the fields of a dataclass that hold numbers."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint, name = hints[field.name], f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hint):
            if hint not in (Config, DataConfig):  # these have a table of their own
                yield from numbers(hint, f"{name}.")
        elif {int, float} & set(atoms(hint)):
            yield name


def atoms(hint):
    """The plain types that an annotation is made of."""
    if typing.get_origin(hint) is typing.Literal:
        return
    yield hint
    for part in typing.get_args(hint):
        yield from atoms(part)


COMMANDS = {
    "train": (train.Arguments, train.BOUNDS),
    "eval": (
        evaluation.Arguments,
        evaluation.BOUNDS
        | {f"measuring.{k}": v for k, v in measuring.BOUNDS.items()}
        | {f"further.{k}": v for k, v in score_options.BOUNDS.items()}
        | {f"averaging.{k}": v for k, v in averaging.BOUNDS.items()}
        | {f"calibrating.{k}": v for k, v in calibration_options.BOUNDS.items()},
    ),
    "predict": (
        predict.Arguments,
        predict.BOUNDS
        | {f"refining.{k}": v for k, v in refining.BOUNDS.items()}
        | {f"averaging.{k}": v for k, v in averaging.BOUNDS.items()}
        | {f"pictures.{k}": v for k, v in averaging.PICTURE_BOUNDS.items()}
        | {f"exact.{k}": v for k, v in exact.BOUNDS.items()}
        | {f"windows.{k}": v for k, v in windows.BOUNDS.items()},
    ),
    "data check": (data_check.Arguments, data_check.BOUNDS),
    "data show": (data_show.Arguments, data_show.BOUNDS),
    "calibrate": (calibrate.Arguments, calibrate.BOUNDS),
    "refine": (refine.Arguments, refine.BOUNDS),
    "plan": (plan.Arguments, plan.BOUNDS),
    "sweep": (sweep.Arguments, sweep.BOUNDS),
    "reproduce": (reproduce.Arguments, reproduce.BOUNDS),
    "convert": (convert.Arguments, convert.BOUNDS),
    "bench": (bench.Arguments, bench.BOUNDS),
    "models": (models.Arguments, models.BOUNDS),
    **{f"lab {name}": (tool, lab.BOUNDS) for name, tool in lab.TOOLS.items()},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_number_of_a_command_has_bounds(name):
    kind, bounds = COMMANDS[name]
    assert set(numbers(kind)) <= set(bounds)


def test_every_field_of_a_configuration_has_bounds_or_needs_none():
    def names(part, prefix=""):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if dataclasses.is_dataclass(value):
                yield from names(value, f"{field.name}.")
            else:
                yield prefix + field.name

    assert sorted(names(Config())) == sorted([*BOUNDS, *FREE])


@pytest.mark.slow
def test_random_lines_are_accepted_or_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = option_fuzz.campaign(20261, 150)
    assert found["accepted"] + found["refused"] == 150, found
    assert found["accepted"] > 5 and found["refused"] > 50
    assert list(tmp_path.iterdir()) == []
