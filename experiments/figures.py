"""Draws the charts of all experiments from their records.

    python -m experiments.figures [NAME...]      draws the charts of some or all folders
    python -m experiments.figures --check        names the pictures that differ

Each function returns the charts of one picture and their layout. `FIGURES` lists the
pictures. Other pictures in the folders show images, which the experiments write.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxseg.bench.report import compared, latest, ratio_chart
from jaxseg.lab.sweeps.chart import seeds_chart
from jaxseg.lab.sweeps.configs import load_configs
from jaxseg.storage import atomic
from jaxseg.viz import charts

HERE = Path(__file__).parent
SWEEPS = (
    "aspp",
    "decoder_width",
    "hdc_rates",
    "multi_grid",
    "output_stride",
    "upsampling",
)
STEP, MEAN_IOU = charts.Axis("step", limits=(0, None)), charts.Axis("mean IoU")
CHANGED = 0.01  # The fraction of pixels that may differ with another matplotlib.
Drawing = tuple[charts.Chart | list[charts.Chart], charts.Layout]


def records(folder: str, file: str = "results.jsonl") -> list[dict[str, Any]]:
    """Returns the records of an experiment."""
    return [json.loads(line) for line in (HERE / folder / file).open()]


def sweep(folder: str) -> Drawing:
    """Draws the mean IoU of every seed of a sweep."""
    scores: dict[str, list[float]] = {}
    for row in records(folder):
        scores.setdefault(row["name"], []).append(row["mean_iou"])
    _, axis = load_configs(str(HERE / folder / "config.py"))
    return seeds_chart(scores, axis, "mean_iou")


def trimap() -> Drawing:
    """Draws the mean IoU in bands around boundaries over the width of the bands."""
    found = next(row for row in records("boundary") if "trimap_iou" in row)
    names = {"around boundaries": "trimap_iou", "around void": "trimap_void_iou"}
    lines = {
        name: charts.Line(range(1, len(found[key]) + 1), found[key])
        for name, key in names.items()
    }
    x = charts.Axis("largest distance from the boundary [pixel]", limits=(0, None))
    level = ("all pixels", found["mean_iou"])
    return charts.Lines(lines, x=x, y=MEAN_IOU, level=level), charts.Layout()


def calibration_errors() -> Drawing:
    """Draws the calibration errors of each way to scale or average probabilities."""
    titles = {"CamVid": "CamVid", "shapes": "Forty drawn images"}
    keys = {"expected": "expected_error", "over classes": "classwise_error"}
    drawn, rows = [], records("calibration")
    for word, title in titles.items():
        found = [row for row in rows if word in row["question"]]
        series = {
            name: {row["variant"].replace("; ", ",\n"): row[key] for row in found}
            for name, key in keys.items()
        }
        axis = charts.Axis("calibration error", limits=(0, 0.08))
        drawn.append(charts.Bars(series, x=axis, title=title))
    return drawn, charts.Layout(columns=1, width=7, height=3.2)


def reliability(word: str) -> Drawing:
    """Draws the reliability diagrams of the records of one dataset that have bins."""
    keys = ("predictions", "accuracy", "confidence")
    drawn = [
        charts.Reliability(
            np.array([row["bins"][key] for key in keys], float).T,
            row["variant"].replace(", ", ",\n"),
        )
        for row in records("calibration")
        if word in row["question"] and "bins" in row
    ]
    return drawn, charts.Layout(columns=3, width=3.0, height=4.0)


def camvid_curve() -> Drawing:
    """Draws the mean IoU of the compact U-Net over the steps."""
    (row,) = records("camvid_unet")
    x, y = zip(*row["curve"], strict=True)
    return charts.Lines({"": charts.Line(x, y)}, x=STEP, y=MEAN_IOU), charts.Layout()


def transfer_curve() -> Drawing:
    """Draws the mean IoU of all stages of the transfer, one after the other."""
    chain = {"frozen": 0, "config": 100, "full": 800, "weighted": 1580}
    other = {"frozen": 0, "config": 150}  # without class weights from the start
    names = "four stages", "full resolution without class weights"
    curves: dict[str, list] = {name: [] for name in names}
    for row in records("camvid_transfer"):
        stage, _, rest = row["stage"].partition(", ")
        apart = rest.startswith("without class weights")
        first = (other if apart else chain)[stage]
        curves[names[apart]].append((first + row["step"], row["mean_iou"]))
    lines = {
        name: charts.Line(*zip(*points, strict=True)) for name, points in curves.items()
    }
    return charts.Lines(lines, x=STEP, y=MEAN_IOU), charts.Layout()


def isbi_curve() -> Drawing:
    """Draws the pixel error and the mean IoU of both runs over the steps."""
    lines: tuple[dict, dict] = ({}, {})
    for row in records("isbi_unet"):
        name = row["question"].rpartition(": ")[2]
        steps, iou, error = zip(*row["curve_step_mean_iou_pixel_error"], strict=True)
        for part, values in zip(lines, (error, iou), strict=True):
            part[name] = charts.Line(steps, values)
    axes = (charts.Axis("pixel error"), MEAN_IOU)
    drawn = [charts.Lines(a, x=STEP, y=y) for a, y in zip(lines, axes, strict=True)]
    return drawn, charts.Layout(columns=2, width=4.2, height=3.4)


def energy_curve() -> Drawing:
    """Draws the energy distance of the Probabilistic U-Net over the steps."""
    curves = [
        np.array(row["curve_step_ged_diversity_miou"])[:, :2]
        for row in records("prob_unet")
    ]
    steps, values = curves[0][:, 0], np.stack([curve[:, 1] for curve in curves], 1)
    mean = {"mean ± standard deviation of 3 seeds": charts.mean_line(steps, values)}
    level = (
        "16 draws from the raters",
        records("prob_unet")[0]["ged_of_16_true_draws"],
    )
    y = charts.Axis("generalized energy distance", limits=(0, None))
    return charts.Lines(mean, x=STEP, y=y, bars=True, level=level), charts.Layout()


def effective_fields() -> Drawing:
    """Draws the size of effective receptive fields before and after training."""
    titles = {"first": "before training", "trained": "after training"}
    series: dict[str, dict[str, dict[str, list[float]]]] = {"share": {}, "sigma": {}}
    for row in records("effective_field"):
        for key, groups in series.items():
            rows = groups.setdefault(titles[row["weights"]], {})
            value = row[key] * (100 if key == "share" else 1)
            rows.setdefault(row["name"], []).append(value)
    share = charts.Axis("area / theoretical field [%]", limits=(0, None))
    sigma = charts.Axis("standard deviation [pixel]", limits=(0, None))
    drawn = [
        charts.Dots(series["share"], x=share),
        charts.Dots(series["sigma"], x=sigma),
    ]
    return drawn, charts.Layout(columns=2, width=4.4, height=2.8)


def ratios(part: str) -> Drawing:
    """Draws the times of operators or networks relative to PyTorch."""
    return ratio_chart(compared(latest(records("speed")), part))


def strides() -> Drawing:
    """Draws the mean IoU over the output stride of the evaluation."""
    scores: dict[int, dict[int, list[float]]] = {}
    for row in records("train_eval_stride"):
        group = scores.setdefault(row["trained"], {})
        group.setdefault(row["evaluated"], []).append(row["mean_iou"])
    lines = {
        f"trained at stride {trained}": charts.mean_line(list(row), list(row.values()))
        for trained, row in scores.items()
    }
    used = sorted({stride for row in scores.values() for stride in row})
    x = charts.Axis("output stride in the evaluation", log=True, ticks=used)
    title = "Mean ± standard deviation of 3 seeds"
    return charts.Lines(lines, x=x, y=MEAN_IOU, title=title, bars=True), charts.Layout()


def grid_power() -> Drawing:
    """Draws the power of checkerboards in the logits before and after training."""
    titles = {"first": "before training", "trained": "after training"}
    periods: dict[int, dict[str, dict[str, list[float]]]] = {2: {}, 4: {}, 8: {}}
    for row in records("upsampling", "grid.jsonl"):
        for period, series in periods.items():
            rows = series.setdefault(titles[row["weights"]], {})
            rows.setdefault(row["name"], []).append(row[f"period_{period}"])
    x = charts.Axis("power / power of noise", log=True, limits=(0.01, 3000))
    drawn = [
        charts.Dots(series, x=x, title=f"Grid of period {period} pixels", level=1.0)
        for period, series in periods.items()
    ]
    return drawn, charts.Layout(columns=3, width=3.6, height=3.0)


def learned_rates() -> Drawing:
    """Draws the learned rate of every seed for each distance of the mark."""
    titles = {
        "slow choice": "slow choice",
        "choice": "short choice",
        "continuous": "continuous rate",
    }
    drawn, found = [], records("learned_rates")
    for distance in sorted({row["distance"] for row in found}):
        rows: dict[str, list[float]] = {}
        for row in found:
            if row["distance"] == distance and row["name"] in titles:
                rows.setdefault(titles[row["name"]], []).append(row["rate"])
        x = charts.Axis("learned rate [pixel]", limits=(0, 18))
        title = f"Mark at a distance of {distance} pixels"
        drawn.append(charts.Dots({"": rows}, x=x, title=title, level=float(distance)))
    return drawn, charts.Layout(columns=1, width=6.4, height=2.8)


def gridding() -> Drawing:
    """Draws the accuracy of every seed over plans, and what counting predicts."""
    drawn, found = [], records("gridding")
    for first in sorted({row["first"] for row in found}):
        for side in (1, 2, 3):
            trained: dict[str, list[float]] = {}
            counted: dict[str, list[float]] = {}
            for row in found:
                if row["first"] == first:
                    name, scores = " ".join(map(str, row["rates"])), row[f"size{side}"]
                    trained.setdefault(name, []).append(scores["accuracy"])
                    counted[name] = [scores["counted"]]
            x = charts.Axis("accuracy", limits=(0.45, 1.02))
            title = f"Specks of {side}x{side}, first layer {first}x{first}"
            series = {"trained": trained, "by counting": counted}
            drawn.append(charts.Dots(series, x=x, title=title))
    return drawn, charts.Layout(columns=3, width=3.6, height=2.4)


FIGURES: dict[str, Callable[[], Drawing]] = {
    **{f"{name}/results.png": lambda name=name: sweep(name) for name in SWEEPS},
    "boundary/trimap.png": trimap,
    "calibration/errors.png": calibration_errors,
    "calibration/shapes_reliability.png": lambda: reliability("shapes"),
    "camvid_transfer/curve.png": transfer_curve,
    "camvid_unet/curve.png": camvid_curve,
    "effective_field/results.png": effective_fields,
    "gridding/results.png": gridding,
    "isbi_unet/curve.png": isbi_curve,
    "learned_rates/results.png": learned_rates,
    "prob_unet/curve.png": energy_curve,
    "speed/networks.png": lambda: ratios("models"),
    "speed/operators.png": lambda: ratios("ops"),
    "train_eval_stride/results.png": strides,
    "upsampling/grid.png": grid_power,
}


def differs(path: Path, new: np.ndarray) -> bool:
    """Returns whether a picture is missing or differs visibly from new pixels."""
    if not path.is_file():
        return True
    old = np.asarray(Image.open(path).convert("RGB"))
    if old.shape != new.shape:
        return True
    return float((np.abs(old.astype(int) - new).max(-1) > 32).mean()) > CHANGED


def main(arguments: list[str]) -> int:
    """Draws the pictures, or compares them with those in the folders."""
    folders = sorted({name.partition("/")[0] for name in FIGURES})
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(folders))
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(folders):
        parser.error(f"NAME={unknown} is invalid: expected {', '.join(folders)}.")
    status = 0
    for name, draw in FIGURES.items():
        if options.names and name.partition("/")[0] not in options.names:
            continue
        if not options.check:
            atomic.write_bytes(HERE / name, charts.png(*draw()))
        elif differs(HERE / name, charts.pixels(*draw())):
            print(f"{name} differs: run python -m experiments.figures")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
