"""The charts of the experiments show their records, and the pictures are current."""

import json

import numpy as np
import pytest

from experiments import figures
from jaxseg.viz import charts

NAMES = sorted(figures.FIGURES)


@pytest.mark.slow
def test_pictures_are_current(capsys):
    status = figures.main(["--check"])
    assert status == 0, capsys.readouterr().out


def test_charts_have_units_and_error_bars_of_the_seeds():
    chart, _ = figures.sweep("aspp")
    rows = [json.loads(line) for line in (figures.HERE / "aspp/results.jsonl").open()]
    names = dict.fromkeys(row["name"] for row in rows)
    axes = charts.figure(chart).axes[0]
    assert axes.get_xlabel() == "mean IoU"
    assert [text.get_text() for text in axes.get_yticklabels()] == list(names)
    for name, bars in zip(names, axes.collections, strict=True):
        scores = [row["mean_iou"] for row in rows if row["name"] == name]
        middle, spread = np.mean(scores), np.std(scores, ddof=1)
        ends = bars.get_segments()[0][:, 0]
        np.testing.assert_allclose(ends, [middle - spread, middle + spread])


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_has_a_title(name):
    drawn, layout = figures.FIGURES[name]()
    for axes in charts.figure(drawn, layout).axes:
        below = axes.child_axes or [axes]  # The x axis of a diagram with bars below it.
        assert below[0].get_xlabel()
        named_rows = axes.yaxis.get_major_ticks()[0].tick1line.get_markersize() == 0
        assert axes.get_ylabel() or named_rows


def test_the_pictures_of_a_folder_are_small():
    for folder in figures.HERE.iterdir():
        assert sum(path.stat().st_size for path in folder.glob("*.png")) <= 300_000


def test_a_change_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "HERE", tmp_path)
    line = {"": charts.Line([0, 1], [0, 1])}
    axes = {"x": charts.Axis("x"), "y": charts.Axis("y")}
    drawing = lambda: (charts.Lines(line, **axes), charts.Layout(width=3, height=2))
    monkeypatch.setattr(figures, "FIGURES", {"a/b.png": drawing})
    (tmp_path / "a").mkdir()
    assert figures.main(["--check"]) == 1  # The picture is missing.
    assert figures.main(["a"]) == 0 and figures.main(["--check"]) == 0
    line[""] = charts.Line([0, 1], [1, 0])
    assert figures.main(["--check"]) == 1
    assert capsys.readouterr().out.count("a/b.png differs") == 2
    with pytest.raises(SystemExit):
        figures.main(["c"])
