"""Prints the tables of the study: accuracies, effects and the smallest visible effects.

    python -m experiments.gridding.effects

The effect of a plan is its accuracy minus that of the plan without holes. Its interval
covers 95 % of 2,000 bootstrap replicates, each of which draws the validation images
with replacement; the accuracies of an image are averaged over the seeds. It therefore
says how the effect depends on the images. The smallest visible effect is the smallest
difference between the means of three seeds that a two-sided t-test at the 5 % level
calls significant; it says how the effect depends on the seeds.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxseg.data.drawings.specks import SIZES
from jaxseg.metrics.bootstrap import drawn

HERE = Path(__file__).parent
DENSE = (1, 3, 8)
T_VALUE = 2.776  # of the t distribution with 4 degrees of freedom, at 5 %
REPLICATES, SEEDS = 2000, 3


class Effect(NamedTuple):
    """The effect of a plan on the accuracy, with a bootstrap interval over images."""

    difference: float
    low: float
    high: float
    visible: float  # the smallest effect that the seeds let see


def records() -> list[dict]:
    """Returns the records of the drawn scenes."""
    return [json.loads(line) for line in (HERE / "results.jsonl").open()]


def chosen(rows: list[dict], rates, first: int) -> list[dict]:
    """Returns the records of a plan, in the order of the seeds."""
    found = [r for r in rows if (tuple(r["rates"]), r["first"]) == (rates, first)]
    return sorted(found, key=lambda row: row["seed"])


def effect(rows: list[dict], rates, first: int, side: int) -> Effect:
    """Returns the effect of a plan on specks of a size, compared with no holes."""
    both = [chosen(rows, plan, first) for plan in (rates, DENSE)]
    key = f"size{side}"
    images = [np.mean([row[key]["by_image"] for row in group], 0) for group in both]
    apart = images[0] - images[1]
    times = np.stack([drawn(0, r, len(apart)) for r in range(REPLICATES)])
    means = times @ apart / len(apart)
    low, high = np.quantile(means, (0.025, 0.975))
    spread = [np.var([row[key]["accuracy"] for row in g], ddof=1) for g in both]
    visible = T_VALUE * math.sqrt(sum(spread) / 3)
    return Effect(float(apart.mean()), float(low), float(high), visible)


def table(rows: list[dict], first: int, side: int) -> list[str]:
    """Returns the lines of the table for one first layer and one size of specks."""
    key, lines = f"size{side}", []
    plans = dict.fromkeys(tuple(row["rates"]) for row in rows)
    for rates in plans:
        group = chosen(rows, rates, first)
        if len(group) < SEEDS:
            continue  # It has no spread.
        scores = [row[key]["accuracy"] for row in group]
        cells = [
            " ".join(map(str, rates)),
            f"{group[0]['coverage']:.2f}",
            " ".join(f"{score:.3f}" for score in scores),
            f"{np.mean(scores):.3f}",
            f"{np.std(scores, ddof=1):.3f}",
            f"{group[0][key]['counted']:.3f}",
        ]
        if rates == DENSE:
            cells += ["-", "-"]
        else:
            found = effect(rows, rates, first, side)
            cells.append(
                f"{found.difference:.3f} ({found.low:.3f} to {found.high:.3f})"
            )
            cells.append(f"{found.visible:.3f}")
        lines.append(f"| {side} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Prints all tables in the form of the report."""
    rows = records()
    for first in sorted({row["first"] for row in rows}):
        print(f"\nFirst layer {first}x{first}:\n")
        print(
            "| side of specks | rates | coverage | accuracy of seeds 0, 1, 2 | mean | "
            "spread | by counting | effect (95 % over images) | smallest visible |"
        )
        print("|---" * 9 + "|")
        for side in SIZES:
            print("\n".join(table(rows, first, side)))


if __name__ == "__main__":
    main()
