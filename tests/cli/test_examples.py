"""The examples that the help shows: all are parsed, and the cheap ones are run."""

import itertools
import pathlib
import shlex

import pytest
from PIL import Image

from jaxseg.cli import arguments
from jaxseg.cli.completion import listed_names
from jaxseg.cli.forms import command_forms
from jaxseg.cli.help.examples import EXAMPLES
from jaxseg.cli.help.options import groups_of
from jaxseg.cli.main import main
from jaxseg.config import Config
from jaxseg.data.datasets import DATASETS
from jaxseg.runs.directory import write_run

CONFIG = "from jaxseg.config import Config\n\nconfig = Config()\n"
LINES = sorted({line for rows in EXAMPLES.values() for line, _ in rows})
NOT_PARSED = {"jaxseg convert --list"}  # It prints a list before it parses.
RUN = (  # The examples that take well below a second.
    "jaxseg data list",
    "jaxseg data where",
    "jaxseg models deeplab",
    "jaxseg models --families",
    "jaxseg convert --list",
    "jaxseg doctor --no-self-test",
    "jaxseg lab plan",
    "jaxseg lab rates",
    "jaxseg lab valid-taps",
    "jaxseg lab compare 1,2,5",
)
SAME = {"jaxseg lab plan --map 65 --output-stride 8 --field 513"}  # run by test_lab.py


class Parsed(Exception):
    """Ends a command as soon as its command line is parsed and its bounds hold."""


def words_of(line):
    """The arguments of the first command of a line, without a redirection."""
    program, *words = shlex.split(line.split(" | ")[0].split(" > ")[0])
    assert program == "jaxseg"
    return words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that commands read before they parse their options."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "config.py").write_text(CONFIG)
    (folder / "photos").mkdir()
    Image.new("RGB", (300, 300)).save(folder / "photo.jpg")
    (folder / "runs").mkdir()
    write_run(folder / "runs" / "shapes", Config(), DATASETS["shapes"].spec)
    return folder


@pytest.mark.parametrize("line", LINES)
def test_the_parser_of_the_command_accepts_every_example(line, folder, monkeypatch):
    check = arguments.check_bounds

    def stop(*given):
        check(*given)
        raise Parsed

    monkeypatch.chdir(folder)
    monkeypatch.setattr(arguments, "check_bounds", stop)
    if line in NOT_PARSED:
        assert main(words_of(line)) == 0
        return
    with pytest.raises(Parsed):
        main(words_of(line))


def test_examples_use_names_that_exist():
    names, count = listed_names(), 0
    for program, form in command_forms().items():
        keys = {
            name: names[option.key]
            for group in groups_of(form)
            for option in group.options
            for name in option.names
            if option.key in names
        }
        for line, _ in EXAMPLES[f"jaxseg {program}"]:
            words = words_of(line)
            for word, value in itertools.pairwise(words):
                assert value in (*keys.get(word, (value,)), "folder"), line
                count += word in keys
    assert count >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [each for each in LINES if each.startswith(RUN) and each not in SAME]
)
def test_the_example_runs(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    problem = line.startswith("jaxseg doctor")  # The facts of this machine decide.
    assert main(words_of(line)) in ((0, 1) if problem else (0,))
    assert len(capsys.readouterr().out) > 20
    if line.startswith("jaxseg lab"):
        (result,) = pathlib.Path("lab").glob("*/result.json")
        assert result.stat().st_size > 100
