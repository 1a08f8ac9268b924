"""The progress of long commands: in a log, on a terminal, and with --quiet."""

import io
from pathlib import Path

from jaxseg.cli import progress_display
from jaxseg.cli.prediction_progress import follow
from jaxseg.cli.progress_display import Pace, counting, showing
from jaxseg.cli.verbosity import Verbosity, using
from jaxseg.tasks.prediction import FileResult


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def test_the_pace_leaves_out_the_compilation():
    now = 0.0
    pace = Pace(44, "image", clock=lambda: now)
    assert str(pace) == "starting"
    now = 100.0
    pace.advance(4)
    assert str(pace) == "starting"
    now = 108.0
    pace.advance(20)
    assert str(pace) == "2.5 images/s  eta 0:00:08"


def test_a_log_lists_few_files_and_counts_many(monkeypatch, capsys):
    results = [FileResult((Path(f"{i}.jpg"),), Path(f"{i}.png")) for i in range(30)]
    bad = FileResult((Path("bad.jpg"),), error=ValueError("bad.jpg is damaged"))
    assert follow([*results[:2], bad], Pace(3, "image")) == 1
    shown = capsys.readouterr()
    assert shown.out == "0.jpg -> 0.png\n1.jpg -> 1.png\n"
    assert shown.err == "jaxseg: bad.jpg is damaged\n"
    monkeypatch.setattr(progress_display, "INTERVAL", 0.0)
    assert follow(results, Pace(30, "image")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 29 and lines[9].startswith("10/30  ")
    monkeypatch.setattr(progress_display, "INTERVAL", 60.0)
    follow(results, Pace(30, "image"))
    assert capsys.readouterr().out == ""


def test_a_count_leaves_standard_output_free_and_obeys_quiet(monkeypatch, capsys):
    monkeypatch.setattr(progress_display, "INTERVAL", 0.0)
    for level, count in ((Verbosity.QUIET, 0), (Verbosity.NORMAL, 2)):
        with using(level), counting("pair") as started:
            advance = started(6)
            advance()
            advance(3)
            advance(2)
        shown = capsys.readouterr()
        lines = shown.err.splitlines()
        assert shown.out == "" and len(lines) == count
    assert lines[0] == "1/6  starting" and lines[1].startswith("4/6  ")


def test_a_terminal_shows_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    pace, terminal = Pace(8, "image"), Terminal()
    with showing(pace, terminal) as show:
        pace.advance(5)
        show()
    assert "5/8" in terminal.getvalue() and "━" in terminal.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    assert not progress_display.is_terminal(terminal)
