"""`jaxseg lab`: the tables it prints, the files it leaves, what it refuses."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from jaxseg.analysis import Layer, chain
from jaxseg.cli.lab import main
from jaxseg.cli.main import main as command
from jaxseg.lab import networks as lab_networks
from jaxseg.lab.model_table import describe
from jaxseg.lab.page import Table, lines
from jaxseg.models import MODELS

UNET = ("unet", "--option", "width=4", "--option", "depth=2", "--classes", "3")


def field_of_unet(depth):
    """Two 3x3 per level, 2x2 pooling, 2x2 transposed convolutions."""
    pair = [Layer(3), Layer(3)]
    pool = Layer(2, 2, padding=0)
    up = Layer(2, 2, padding=0, transposed=True)
    return chain([*pair, pool] * depth + pair + [up, *pair] * depth).size


@pytest.fixture
def lab(tmp_path, capsys):
    """`lab(*words) -> (printed text, tables of result.json)`."""

    def run(*words):
        assert main([*words, "--out", str(tmp_path)]) == 0
        result = json.loads((tmp_path / "result.json").read_text())
        assert result["command"].startswith("jaxseg lab " + words[0])
        return capsys.readouterr().out, result["tables"]

    return run


def test_the_question_of_the_65_map(lab, tmp_path):
    text, tables = lab("plan", "--map", "65", "--output-stride", "8", "--field", "513")
    assert "rates 1,3,9,27: field 641 pixels (81 cells), no gridding" in text
    rows = tables["Plans without holes"]
    assert all(row["field"] >= 513 and row["coverage"] == 1 for row in rows)
    assert {len(row["rates"].split(",")) for row in rows} == {4, 5, 6}
    page = (tmp_path / "index.html").read_text()
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 2 and "http:" not in page
    for name, data in zip(("paths", "response"), pictures, strict=True):
        here = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        there = np.asarray(Image.open(tmp_path / f"{name}.png"))
        np.testing.assert_array_equal(here, there)


def test_rates_and_comparison_of_rates(lab):
    text, tables = lab("compare", "2,2,2", "1,2,5")
    gridded, full = tables["Gridding"]
    assert gridded["coverage"] == pytest.approx(49 / 169)
    assert gridded["M_2 <= K"] and not gridded["no holes"]
    assert full["coverage"] == 1 and full["no holes"] and full["bands"] == 1
    assert re.search(r"^2,2,2 .* 0\.29 ", text, re.MULTILINE)
    assert lab("rates", "2,2,2", "1,2,5")[1] == tables


def test_rates_may_differ_between_rows_and_columns(lab):
    text, tables = lab("rates", "1x2,2x2", "--map", "9")
    (row,) = tables["Gridding"]
    assert row["rates"] == "1x2,2" and row["field"] == [7, 9]
    assert row["coverage"] == pytest.approx(5 / 9) and not row["no holes"]
    theory = tables["Theory and measurement along one axis"]
    assert [(r["rates"], r["values"], r["touched"]) for r in theory] == [
        (f"1x2,2 ({axis})", values, touched)
        for axis, touched in (("rows", 7), ("columns", 5))
        for values in ("closed form", "counted", "measured")
    ]
    closed, counted, measured = (row["sigma"] for row in theory[:3])
    assert closed == pytest.approx(counted) == pytest.approx(measured, rel=0.1)
    words = ("plan", "--field", "65", "129", "--map", "33", "--count", "1")
    text, tables = lab(*words)
    assert "(rows x columns): field 81 x 129 pixels, no gridding" in text
    assert tables["Plans without holes"][0]["field"] == [81, 129]


def test_trade_offs_of_the_planner(lab):
    words = ("--field", "65", "--map", "17", "--depth", "3", "--count", "2")
    text, tables = lab("plan", *words)
    assert (
        "An exhaustive search of all 164 lists of rates finds the same plans." in text
    )
    rows = tables["Best trade-offs between field, valid taps and cost"]
    assert [row["cost"] for row in rows] == [18, 27, 27]
    assert [row["cells"] for row in rows] == [9, 9, 11]


def test_valid_taps(lab):
    rows = lab("valid-taps", "12,36", "--map", "65")[1]["Share of taps on the map"]
    assert [round(row["mean"], 3) for row in rows] == [0.769, 0.398]
    assert rows[1]["1 taps"] == pytest.approx(0.0116, abs=1e-4)


def test_checkerboard(lab):
    tables = lab("checkerboard", "--kernel", "3", "--stride", "2")[1]
    (overlap,) = tables["Overlap of the transposed convolution"]
    assert overlap["per phase"] == [2, 1] and overlap["max / min in 2-D"] == 4
    ways = {
        row["way"]: row
        for row in tables["Through random weights, as at initialization"]
    }
    assert ways["transposed"]["ripple of a flat image"] > 0.3
    assert ways["sub-pixel"]["ripple of a flat image"] > 0.3
    for name in ("nearest + 3x3", "bilinear + 3x3"):
        assert ways[name]["ripple of a flat image"] < 1e-9
    assert ways["transposed"]["noise: max / min by phase"] == pytest.approx(4, rel=0.2)


def test_field_of_a_network(lab):
    text, tables = lab("receptive-field", *UNET)
    rows = {row["output"]: row for row in tables["Along the rows, in image pixels"]}
    assert (
        rows["logits"]["field"] == str(field_of_unet(2)) == "44"
        and rows["logits"]["jump"] == 1
    )
    assert re.search(r"^logits +44 ", text, re.MULTILINE)


def test_cost_of_a_network(lab, tmp_path):
    tables = lab("cost", *UNET, "--size", "32", "48", "--depth", "0")[1]
    rows = tables["By layer"]
    first, last, total = rows[0], rows[-2], rows[-1]
    assert first["GFLOP"] == pytest.approx(2 * 32 * 48 * 9 * 3 * 4 / 1e9)
    assert last["weights"] == 4 * 3 and last["output"] == "32x48x3"
    assert total["share"] == 1
    assert sum(row["GFLOP"] for row in rows[:-1]) == pytest.approx(total["GFLOP"])
    page = (tmp_path / "index.html").read_text()
    assert page.count("data:image/png") == 3
    assert np.asarray(Image.open(tmp_path / "flame.png")).shape[1] == 1440
    infer, train = tables["Memory held at a time, MiB without the arguments"]
    widest = 32 * 48 * 4 * 4 / 2**20  # a map of 4 channels at full size
    assert 2 * widest <= infer["peak"] <= 4 * widest < train["peak"]
    assert infer["results"] == pytest.approx(32 * 48 * 3 * 4 / 2**20)


def test_comparison_of_networks(lab, monkeypatch):
    monkeypatch.setattr(lab_networks, "HEIGHTS", (257, 513))
    (row,) = lab("compare", "unet", "--size", "64", "64")[1]["Side by side"]
    counted = describe("unet", MODELS["unet"], size=(64, 64))
    assert row["parameters"] == counted.parameters
    assert row["GFLOP"] == pytest.approx(counted.gflops)
    assert row["field of c5"] is None
    assert row["of the logits"] == str(field_of_unet(4)) == "204"


def test_effective_field_before_and_after(lab, trained):
    words = ("unet", "--workdir", str(trained), "--size", "33", "49", "--images", "1")
    rows = lab("erf", *words)[1]["Mean squared gradient"]
    assert rows[0]["weights"] == "random" and len(rows) == 2
    assert rows[1]["weights"].startswith("step ")
    for row in rows:
        assert (
            0 < row["area / field"] < 1 and 0 < row["sigma rows"] < field_of_unet(1) / 2
        )


def test_consistency(lab):
    words = (*UNET, "--size", "32", "32", "--shifts", "1", "4")
    tables = lab("consistency", *words)[1]
    one, four = tables["Two crops, the same pixels"]
    assert (one["shift"], four["shift"]) == (1, 4)
    assert four["rms change"] < one["rms change"]  # 4 is a multiple of both strides
    assert "Backbone features, dense against strided" not in tables


@pytest.mark.slow
def test_output_strides_of_a_backbone_agree(lab):
    words = ("fcn_resnet50", "--option", "width=4", "--option", "blocks=[1,1,1,1]")
    words = (*words, "--size", "33", "33", "--shifts", "8", "--strides", "16", "32")
    tables = lab("consistency", *words)[1]
    (row,) = tables["Backbone features, dense against strided"]
    assert row["max difference / spread"] < 1e-3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rates", "1,x"), "rates='1,x' is invalid"),
        (("rates", "1x2x3"), "rates='1x2x3' is invalid"),
        (("valid-taps", "1x2"), "rates='1x2' is invalid"),
        (("plan", "--field", "9", "9", "9"), "field=(9, 9, 9) is invalid"),
        (("compare", "1,2", "unet"), "either only sequences of rates"),
        (("receptive-field", "unett"), "Did you mean 'unet'"),
        (("receptive-field", "unet", "--option", "depth"), "NAME=VALUE"),
        (("plan", "--field", "513", "--depth", "2"), "kernel size 3 is 4"),
        (("rates", "1,2", "--out"), "--out is invalid: expected a directory"),
    ],
)
def test_errors_are_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["lab", *words]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_lines_align():
    table = Table("t", ("name", "n"), [("a", 1234), ("long", True)])
    assert lines(table) == "t\nname      n\na     1,234\nlong    yes"
