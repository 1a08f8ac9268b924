"""The figures of the page about atrous rates follow from counts and records."""

import json
import math
import pathlib
import re
import statistics
import sys

import pytest

from experiments.gridding import effects
from jaxseg import analysis

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs/_ext"))

from gallery_page import Figure, Study, evaluated, iou, value  # noqa: E402

TEXT = (ROOT / "docs/guide/atrous_findings.md").read_text(encoding="utf-8")
GRADES = ("Exact", "Measured here", "Published", "Open")
STATEMENT = re.compile(
    r"^\*\*(\d+)\.\s(.+?\.)\*\*\s\*([^*]+)\.\*\n(.+?)(?=\n\n)", re.DOTALL | re.MULTILINE
)
BODIES = {int(n): " ".join(body.split()) for n, _, _, body in STATEMENT.findall(TEXT)}


def effective(field, weights, form):
    """A property of the effective field of the ResNet."""
    return Figure(field, (("name", "ones"), ("weights", weights)), form)


def distance(name):
    """The accuracy of a layer with a fixed rate."""
    return Figure("object_accuracy", (("name", name), ("distance", 8)), ".2f")


STRIDES = (8, 16, 32, 64, 128)
PLANS = ("hybrid", "two_steps", "uniform", "one_large")
RECORDED = {  # by statement: a study and figures of its records
    5: {
        "effective_field": [
            *(effective("sigma", weights, ".1f") for weights in ("first", "trained")),
            *(effective("share", weights, ".3f") for weights in ("first", "trained")),
        ]
    },
    6: {
        "learned_rates": [distance("fixed at 1"), distance("fixed at the distance")],
        "hdc_rates": [iou("ones"), iou("one_large")],
    },
    10: {"hdc_rates": [iou(name) for name in PLANS]},
    13: {"aspp": [iou("none"), iou("2_4_6")]},
    14: {"aspp": [iou("2_4_6"), iou("2_4_6_pool")]},
    15: {"multi_grid": [iou("4_4_4"), iou("2_4_6"), iou("2_2_2")]},
    16: {"multi_grid": [iou("3_4_5"), iou("2_4_6")]},
    18: {"output_stride": [iou(f"stride_{stride}") for stride in STRIDES]},
    19: {"train_eval_stride": [evaluated(16, 16), evaluated(16, 8), evaluated(8, 16)]},
}
COMPARED = {  # by statement: a study, two selections of its records, what is stated
    6: [("hdc_rates", iou("ones"), iou("one_large"), "both")],
    10: [
        ("hdc_rates", iou("hybrid"), iou("uniform"), "both"),
        ("hdc_rates", iou("two_steps"), iou("uniform"), "both"),
        ("hdc_rates", iou("one_large"), iou("hybrid"), "both"),
    ],
    13: [("aspp", iou("none"), iou("2_4_6"), "effect")],
    14: [("aspp", iou("2_4_6"), iou("2_4_6_pool"), "effect")],
    15: [("multi_grid", iou("2_4_6"), iou("4_4_4"), "both")],
    16: [("multi_grid", iou("3_4_5"), iou("2_4_6"), "both")],
    18: [
        ("output_stride", iou("stride_8"), iou("stride_16"), "both"),
        ("output_stride", iou("stride_16"), iou("stride_32"), "both"),
    ],
    19: [
        ("train_eval_stride", evaluated(16, 16), evaluated(16, 8), "paired effect"),
        ("train_eval_stride", evaluated(8, 16), evaluated(16, 16), "effect"),
    ],
}
COUNTED = {  # by statement: figures of `jaxseg.analysis`
    2: {"0.290": analysis.coverage((2, 2, 2))},
    3: {
        "0.184": analysis.coverage((5, 9, 17)),
        "0.268": analysis.coverage((2, 4, 8)),
    },
    9: {"0.260": analysis.coverage((2,) * 4 + (4,) * 4)},
    12: {"1.83 %": 100 * analysis.union_coverage([(6,), (12,), (18,), ()])},
    21: {
        "0.772, 0.574 and 0.405": [
            analysis.valid_fraction(33, 3, r) for r in (6, 12, 18)
        ],
        "0.769, 0.568 and 0.398": [
            analysis.valid_fraction(65, 3, r) for r in (12, 24, 36)
        ],
        "0.111": analysis.valid_fraction(33, 3, 36),
    },
    22: {
        "from 0.405 to 0.184": [analysis.valid_fraction(n, 3, 18) for n in (33, 21)],
    },
}
ELSEWHERE = {
    11: {"0.277", "0.006", "0.055", "0.005"},  # see the test about specks
    19: {"0.013"},  # the gain in the paper, 78.51 - 77.21 percent
}


def records(folder):
    text = (ROOT / "experiments" / folder / "results.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def scores(folder, figure):
    """The selected scores, in the order of the seeds."""
    rows = [r for r in records(folder) if all(r[k] == v for k, v in figure.where)]
    rows.sort(key=lambda row: row["seed"])
    assert [row["seed"] for row in rows] == [0, 1, 2]
    return [row[figure.field] for row in rows]


def comparison(folder, first, second, stated):
    """The difference of two means and the smallest visible effect, as stated."""
    one, two = scores(folder, first), scores(folder, second)
    difference = f"{abs(statistics.fmean(one) - statistics.fmean(two)):.3f}"
    if stated.startswith("paired"):
        spread = statistics.stdev(a - b for a, b in zip(one, two, strict=True))
        effect = f"{4.303 / math.sqrt(3) * spread:.3f}"  # t for 2 degrees of freedom
    else:
        variance = (statistics.variance(one) + statistics.variance(two)) / 2
        effect = f"{2.776 * math.sqrt(2 / 3 * variance):.3f}"  # 4 degrees of freedom
    return [difference, effect] if stated == "both" else [effect]


def computed(number):
    """All figures of a statement that this file computes, as they are printed."""
    found = set(ELSEWHERE.get(number, ()))
    for folder, figures in RECORDED.get(number, {}).items():
        found |= {value(Study(folder, "", {}), figure) for figure in figures}
    for line in COMPARED.get(number, ()):
        found |= set(comparison(*line))
    for text in COUNTED.get(number, ()):
        found |= set(re.findall(r"\d\.\d+", text))
    return found


def test_statements_are_numbered_and_graded():
    found = STATEMENT.findall(TEXT)
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    assert {grade for _, _, grade, _ in found} == set(GRADES)
    assert len(found) == len(re.findall(r"^\*\*\d+\.", TEXT, re.MULTILINE)) > 20
    for _, _, grade, body in found:
        assert "Source" in body or (grade in ("Published", "Open") and "[" in body)


@pytest.mark.parametrize("number", BODIES)
def test_figures_are_those_of_the_records(number):
    """Each share with three decimals is computed here, and each result is stated."""
    stated = set(re.findall(r"(?<![\d.])0\.\d{3}(?!\d)", BODIES[number]))
    assert stated <= computed(number)
    assert not {figure for figure in computed(number) if figure not in BODIES[number]}


@pytest.mark.parametrize("number", COUNTED)
def test_figures_are_those_of_the_counts(number):
    for text, figures in COUNTED[number].items():
        assert text in BODIES[number]
        printed = [float(figure) for figure in re.findall(r"\d\.\d+", text)]
        exact = figures if isinstance(figures, list) else [figures]
        places = len(re.findall(r"\.(\d+)", text)[0])
        assert printed == [round(figure, places) for figure in exact]


def test_cells_that_stacks_read():
    released = (2, 2, 5, 9) + (1, 2, 5, 9) * 4 + (1, 2, 5) + (5, 9, 17)
    assert len(released) == 26 and "26 layers" in BODIES[3]
    assert analysis.gridding_of(released).field == 251 and analysis.hole_free(released)
    assert analysis.hole_free((1,) * 22 + (2, 4, 8))
    assert analysis.hole_free((2,) * 4 + (4,) * 4 + (2, 2, 1, 1))
    assert [
        analysis.gridding_of(r).field for r in ((2,) * 23 + (4,) * 3, released)
    ] == [
        117,
        251,
    ]
    assert analysis.gridding_of((2, 2, 2)).touched == 7
    assert analysis.gridding_of((2, 2, 2)).field == 13
    plans = ((1, 2, 3, 3, 4, 5), (1, 1, 1, 5, 5, 5), (2, 2, 2, 4, 4, 4))
    assert {analysis.gridding_of(plan).field for plan in plans} == {37}


def test_poles_need_layers_of_rate_one():
    means = {}
    for name in ("ones", "one_large", *PLANS[:3], "threes"):
        rows = [row for row in records("hdc_rates") if row["name"] == name]
        means[name] = f"{statistics.fmean(row['iou'][5] for row in rows):.2f}"
    assert means.pop("ones") == means.pop("one_large") == "0.41"
    assert (min(means.values()), max(means.values())) == ("0.05", "0.15")
    assert "is 0.41 for" in BODIES[11] and "0.05 to 0.15" in BODIES[11]


def test_holes_lose_specks():
    rows = effects.records()
    sizes = (1, 2, 3)
    for rates in ((4, 4, 4), effects.DENSE):
        for first in (1, 3):
            group = effects.chosen(rows, rates, first)
            assert [row["seed"] for row in group] == [0, 1, 2]
            means = [
                statistics.fmean(row[f"size{side}"]["accuracy"] for row in group)
                for side in sizes
            ]
            assert "{:.2f}, {:.2f} and {:.2f}".format(*means) in BODIES[11]
            seen = [group[0][f"size{side}"]["counted"] for side in sizes]
            if rates != effects.DENSE:
                text = "predicts {:.2f}, {:.2f} and {:.2f}".format(*seen)
                assert text in BODIES[11]
    lost = [effects.effect(rows, (2, 4, 6), first=1, side=side) for side in (1, 2)]
    for found in lost:
        assert f"{-found.difference:.3f}" in BODIES[11]
        assert f"{found.visible:.3f}" in BODIES[11]
        assert found.low < found.difference < found.high < 0
    short = effects.chosen(rows, (3, 4, 5), first=1)
    reached = statistics.fmean(row["size1"]["accuracy"] for row in short)
    assert f"{reached:.2f} instead of {short[0]['size1']['counted']:.2f}" in BODIES[11]


def test_seeds_that_find_the_distance():
    rows = records("learned_rates")
    found = lambda name, distance: sum(
        row["within_one_step"]
        for row in rows
        if (row["name"], row["distance"]) == (name, distance)
    )
    assert [found("slow choice", d) for d in (8, 12)] == [9, 10]
    assert "in 9 of 10 seeds and a distance of 12 in 10 of 10" in BODIES[25]
    assert [found("choice", d) for d in (8, 12)] == [7, 6]
    assert "in 7 of 10 and 6 of 10" in BODIES[25]
    assert found("continuous", 8) == 5 and "in 5 of 10 seeds" in BODIES[25]


def test_times_of_atrous_layers():
    for rate in (12, 24):
        name = f"3x3 rate {rate}, 1024 to 256 at 33"
        (row,) = [
            row
            for row in records("speed")
            if (row["name"], row["kind"]) == (name, "forward")
        ]
        for library in ("jaxseg", "torch"):
            assert f"{row['times'][library]['median_ms']:.4g}" in BODIES[24]
