"""The pace of a prediction, in a log."""

from pathlib import Path

from jaxseg.cli import prediction_progress
from jaxseg.cli.prediction_progress import Pace, follow
from jaxseg.tasks.prediction import FileResult


def test_the_pace_leaves_out_the_compilation():
    now = 0.0
    pace = Pace(41, "image", clock=lambda: now)
    assert str(pace) == "compiling"
    now = 100.0
    pace.advance()
    assert str(pace) == "compiling"
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
    monkeypatch.setattr(prediction_progress, "INTERVAL", 0.0)
    assert follow(results, Pace(30, "image")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 30 and lines[9].startswith("10/30  ")
    monkeypatch.setattr(prediction_progress, "INTERVAL", 60.0)
    follow(results, Pace(30, "image"))
    assert capsys.readouterr().out == ""
