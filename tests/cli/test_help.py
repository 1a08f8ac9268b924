"""The help of every command: readable types, text that fits, examples that exist."""

import contextlib
import dataclasses
import inspect
import io
import re

import pytest
import tyro

from jaxseg.cli.arguments import help_of
from jaxseg.cli.convert import main as convert
from jaxseg.cli.forms import command_forms
from jaxseg.cli.help.examples import EXAMPLES
from jaxseg.cli.help.layout import heading
from jaxseg.cli.help.options import groups_of
from jaxseg.cli.help.value_types import value_type
from jaxseg.cli.main import COMMANDS, main

FORMS = command_forms()


def options_of(name):
    return [option for group in groups_of(FORMS[name]) for option in group.options]


def names_of(name):
    return {word for option in options_of(name) for word in option.names}


def sources_of(form):
    """The comments in the source of a dataclass and of those in its fields."""
    for field in dataclasses.fields(form):
        if dataclasses.is_dataclass(field.default):
            yield from sources_of(type(field.default))
    yield from re.findall(r"# (.+)", inspect.getsource(form))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", FORMS)
def test_the_help_is_readable(name, width):
    text = help_of(FORMS[name], f"jaxseg {name}", width=width)
    assert max(map(len, text.splitlines())) <= width
    for noise in (
        "{None}",
        "STR",
        "{True,False}",
        "(default",
        "None|",
        "\x1b",
        "VALUE |",
    ):
        assert noise not in text, noise
    for comment in sources_of(FORMS[name]):
        assert comment not in text
    assert "Examples:" in text


@pytest.mark.parametrize("name", FORMS)
def test_every_option_has_a_description(name):
    for option in options_of(name):
        words = option.description
        assert len(words) > 10 and words.endswith("."), (option.names, words)
        assert option.names == () or option.names[-1].startswith("--")


@pytest.mark.parametrize("name", FORMS)
def test_the_help_lists_the_options_that_the_parser_takes(name):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        tyro.cli(FORMS[name], args=["--help"], prog="x")
    titles = re.findall(r"^  (-\S.*?)(?:   |$)", printed.getvalue(), re.M)
    words = {word.strip(",") for title in titles for word in title.split()}
    parsed = {word for word in words if re.fullmatch(r"--?[a-z][\w.-]*", word)}
    parsed = {word for word in parsed if not word.startswith("--model.options.")}
    own = {word for word in names_of(name) if not word.endswith(".NAME")}
    assert own == parsed - {"-h", "--help"}


def test_every_command_has_two_examples_or_more():
    programs = {f"jaxseg {name}" for name in FORMS}
    assert programs <= set(EXAMPLES)
    for program, rows in EXAMPLES.items():
        assert 2 <= len(rows) <= 4, program
        for line, text in rows:
            assert line.startswith(program) and text.endswith("."), line


def test_types_are_named_by_their_meaning():
    hint = tuple[int, int] | None
    assert value_type("crop", hint).text == "H W"
    assert value_type("workdir", str | None).text == "PATH"
    assert value_type("seeds", tuple[int, ...]).text == "INT ..."
    assert value_type("space", int | tuple[int, int]).text == "INT | ROWS COLUMNS"


@pytest.mark.parametrize("words", [(name,) for name in COMMANDS] + [("data", "where")])
def test_the_command_prints_its_help(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    try:
        status = main([*words, "--help"])
    except SystemExit as end:
        status = end.code
    text = capsys.readouterr().out
    assert status == 0 and text.startswith(f"usage: jaxseg {' '.join(words)} ")
    assert max(map(len, text.splitlines())) <= 72


def test_headings_are_bold_only_on_a_terminal(monkeypatch):
    assert heading("Options:") == "Options:"
    monkeypatch.setattr(
        "sys.stdout", type("Terminal", (io.StringIO,), {"isatty": lambda _: True})()
    )
    monkeypatch.setenv("TERM", "xterm")
    assert heading("Options:") == "\x1b[1mOptions:\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert heading("Options:") == "Options:"


def test_convert_lists_its_sources(capsys):
    assert convert(["--list"]) == 0
    assert "torchvision" in capsys.readouterr().out
