"""Charts: what matplotlib receives is what the data say, and files are reproducible."""

import subprocess
import sys

import numpy as np
import pytest

from jaxseg.viz import charts

STEPS = charts.Axis("step")
LOSS = charts.Lines(
    {
        "train": charts.Line([0, 500, 1000], [4.0, 2.0, 1.0]),
        "validation": charts.mean_line([0, 1000], [[4.0, 6.0], [3.0]]),
    },
    x=STEPS,
    y=charts.Axis("loss [nat]", log=True),
    title="Loss of $1",
)
SCORES = {"": {"rate 1": [0.2, 0.4, 0.6], "rate 2": 0.9}}


def axes_of(chart):
    return charts.figure(chart).axes[0]


def tick_texts(axis):
    """Returns the texts of the ticks inside the limits of an axis."""
    axis.figure.canvas.draw()
    low, high = sorted(axis.get_view_interval())
    places = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [text.get_text() for place, text in places if low <= place <= high]


def test_lines_show_values_bands_and_titles():
    axes = axes_of(LOSS)
    train, validation = axes.get_lines()
    assert train.get_xydata().tolist() == [[0, 4], [500, 2], [1000, 1]]
    assert validation.get_xydata().tolist() == [[0, 5], [1000, 3]]
    assert train.get_color() != validation.get_color()
    assert train.get_marker() != validation.get_marker()
    band = axes.collections[0].get_datalim(axes.transData)
    deviation = np.std([4, 6], ddof=1)
    np.testing.assert_allclose([band.ymin, band.ymax], [3, 5 + deviation])
    assert axes.get_xlabel() == "step" and axes.get_ylabel() == "loss [nat]"
    assert axes.get_yscale() == "log" and axes.get_title("left") == "Loss of $1"
    names = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert names == ["train", "validation"]


def test_ticks_are_round_numbers_or_the_given_ones():
    assert tick_texts(axes_of(LOSS).yaxis) == ["1", "2", "5"]
    rates = charts.Axis("atrous rate", log=True, ticks=(1, 6, 12))
    line = {"": charts.Line([1, 6, 12], [0.07085, 0.2, 0.31415])}
    axes = axes_of(charts.Lines(line, x=rates, y=charts.Axis("mean IoU")))
    assert tick_texts(axes.xaxis) == ["1", "6", "12"]
    assert not axes.figure.legends
    assert {len(text) for text in tick_texts(axes.yaxis)} == {4}  # such as 0.05


def test_bars_end_at_the_mean_and_show_the_deviation():
    axes = axes_of(charts.Bars(SCORES, x=charts.Axis("mean IoU")))
    widths = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(widths, [0.4, 0.9])
    segments = axes.collections[0].get_segments()
    np.testing.assert_allclose(segments[0][:, 0], [0.2, 0.6])
    assert np.isnan(segments[1]).any() or not len(segments[1])
    assert tick_texts(axes.yaxis) == ["rate 1", "rate 2"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # The first row is at the top.
    assert {text.get_text() for text in axes.texts} == {"0.4", "0.9"}
    with pytest.raises(ValueError, match="at least one value in each row"):
        charts.Bars({"": {"empty": []}}, x=STEPS)


def test_dots_show_every_value_and_the_mean():
    axes = axes_of(charts.Dots(SCORES, x=charts.Axis("mean IoU")))
    first, mean, *_, last = (line.get_xdata() for line in axes.get_lines())
    assert list(first) == [0.2, 0.4, 0.6] and list(last) == [0.9]
    np.testing.assert_allclose(np.float64(mean), [0.4])


def test_a_heat_map_shows_cells_numbers_and_its_scale():
    values = np.array([[0.0, 1.0], [0.25, np.nan]])
    chart = charts.HeatMap(
        values, charts.Axis("fraction"), rows=("a", "b"), columns=("a", "b")
    )
    axes = axes_of(chart)
    shown = axes.images[0].get_array()
    assert shown.mask.tolist() == [[False, False], [False, True]]
    assert [text.get_text() for text in axes.texts] == ["0.00", "1.00", "0.25"]
    assert axes.figure.axes[1].get_ylabel() == "fraction"
    powers = charts.HeatMap(np.array([[1.0, 1e-3, 0]]), charts.Axis("power", log=True))
    norm = axes_of(powers).images[0].norm
    assert (norm.vmin, norm.vmax) == (1e-6, 1) and norm(1e-3) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="matrix"):
        charts.HeatMap(np.zeros(3), STEPS)


def test_a_reliability_diagram_shows_accuracy_and_gap():
    bins = np.array([[0, 0, 0], [30, 0.2, 0.45], [10, 0.9, 0.8], [0, 0, 0]])
    axes = axes_of(charts.Reliability(bins))
    bars = [
        (b.get_x() + b.get_width() / 2, b.get_y(), b.get_height()) for b in axes.patches
    ]
    expected = [(0.375, 0, 0.2), (0.625, 0, 0.9), (0.375, 0.2, 0.25), (0.625, 0.8, 0.1)]
    np.testing.assert_allclose(bars, expected)
    below = [bar.get_height() for bar in axes.child_axes[0].patches]
    assert below == [0, 0.75, 0.25, 0]


def test_a_scatter_shows_points_names_and_the_front():
    points = {"": charts.Points([2, 1, 3], [5, 3, 4], ("b", "a", "c"))}
    chart = charts.Scatter(points, x=charts.Axis("ms"), y=STEPS, front=True)
    axes = axes_of(chart)
    drawn, front = (line.get_xydata().tolist() for line in axes.get_lines())
    assert drawn == [[2, 5], [1, 3], [3, 4]] and front == [[1, 3], [2, 5]]
    assert [text.get_text() for text in axes.texts] == ["b", "a", "c"]


def test_a_histogram_counts_in_common_bins():
    values = {"a": [0.0, 0.1, 1.9], "b": [2.0]}
    axes = axes_of(charts.Histogram(values, x=charts.Axis("score"), bins=2))
    counts = [stairs.get_data().values.tolist() for stairs in axes.patches]
    assert counts[::2] == [[2, 1], [0, 1]]


def test_files_are_reproducible_whatever_the_settings_of_the_user(monkeypatch):
    import matplotlib

    for encode, start in ((charts.png, b"\x89PNG"), (charts.svg, b"<?xml")):
        content = encode(LOSS)
        assert content.startswith(start)
        with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
            assert encode(LOSS) == content
        assert b"matplotlib" not in content.lower()[:1000].replace(
            b"matplotlib.org", b""
        )
    script = (
        "import sys; from jaxseg.viz import charts; "
        "line = charts.Lines({'a': charts.Line([0, 1], [0, 1])}, x=charts.Axis('x'), "
        "y=charts.Axis('y')); sys.stdout.buffer.write(charts.svg(line)); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    run = [sys.executable, "-c", script]
    line = {"a": charts.Line([0, 1], [0, 1])}
    chart = charts.Lines(line, x=charts.Axis("x"), y=charts.Axis("y"))
    assert subprocess.run(run, capture_output=True, check=True).stdout == charts.svg(
        chart
    )


def test_charts_share_a_legend_only_if_they_show_the_same_series():
    same = charts.figure([LOSS, LOSS], charts.Layout(columns=2, title="Runs"))
    assert len(same.legends) == 1 and same.axes[0].get_legend() is None
    other = charts.Histogram({"a": [1.0], "b": [2.0]}, x=STEPS)
    mixed = charts.figure([LOSS, other], charts.Layout(columns=2))
    assert not mixed.legends and all(axes.get_legend() for axes in mixed.axes)
    with pytest.raises(ValueError, match="at least one chart"):
        charts.figure([])
