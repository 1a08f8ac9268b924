"""Plants further errors into the masks that trained folds rank, with many seeds.

    python experiments/audit/plant.py CAMVID RUN RUN

CAMVID is the folder with the original masks. Corrupted masks change so few of the
training pixels (0.3 %) that the networks need not be trained again for each seed: they
are trained once, and the errors are planted into the masks that are ranked. Prints one
JSON object for the default sizes, and one for each size of objects and of shifts.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
from pathlib import Path

import corrupt
import numpy as np
from PIL import Image
from score import found

import jaxseg
from jaxseg.audit.ranking.calibration import fit_calibration
from jaxseg.audit.ranking.grid import Grid
from jaxseg.audit.ranking.measures import Measures, measure
from jaxseg.audit.ranking.out_of_fold import out_of_fold
from jaxseg.audit.ranking.result import grid_of
from jaxseg.audit.ranking.scores import mask_scores, suspects

SEEDS = range(1000, 1010)
CURVE_SEEDS = range(1000, 1005)
AREAS = ((250, 1000), (1000, 4000), (4000, 16_000), (16_000, 43_200))
SHIFTS = (6, 12, 18, 24)
PIXELS = 360 * 480


class Planted:
    """Contains the calibrated predictions, into whose masks errors are planted."""

    def __init__(self, camvid: Path, runs: list[str]):
        examples = out_of_fold([jaxseg.open_run(run) for run in runs])
        self.names = examples.source.ids
        self.masks = {
            name: np.asarray(Image.open(camvid / "trainannot" / f"{name}.png"))
            for name in self.names
        }
        grids = [
            self.with_mask(grid_of(examples, index), self.masks[name])
            for index, name in enumerate(self.names)
        ]
        self.usual = fit_calibration(grids[:: len(grids) // 100])
        self.grids = dict(zip(self.names, map(self.usual.apply, grids), strict=True))
        self.clean = [self.measured(name, self.masks[name]) for name in self.names]

    @staticmethod
    def with_mask(grid: Grid, mask: np.ndarray) -> Grid:
        """Returns a grid with another mask."""
        label = mask[:: grid.stride, :: grid.stride].astype(np.int64)
        valid = label != corrupt.VOID
        return dataclasses.replace(grid, given=np.where(valid, label, 0), valid=valid)

    def measured(self, name: str, mask: np.ndarray) -> Measures:
        """Returns the measures of an example with a mask."""
        grid = self.with_mask(self.grids[name], mask)
        return measure(grid, self.usual.surprise(grid))

    def precision(
        self, sizes: corrupt.Sizes, kinds: tuple[str, ...], seeds: range
    ) -> dict:
        """Returns mean and deviation of the precision at 5 % over all seeds."""
        rows, soft = [], []
        for seed in seeds:
            changed, records = corrupt.choose(
                self.masks, seed, sizes=sizes, kinds=kinds
            )
            new = {name: self.measured(name, mask) for name, mask in changed.items()}
            measured = [
                new.get(name, clean)
                for name, clean in zip(self.names, self.clean, strict=True)
            ]
            scores = mask_scores(suspects(measured), len(measured))
            rows.append(found(self.ranked(-scores), records))
            soft.append(found(self.ranked([one.softmin for one in measured]), records))
        return {
            "sizes": dataclasses.asdict(sizes),
            "seeds": [seeds.start, seeds.stop - 1],
            **summary(rows),
            "softmin": summary(soft),
        }

    def ranked(self, values: list[float] | np.ndarray) -> list[str]:
        """Returns the names in ascending order of some values."""
        return [self.names[index] for index in np.argsort(values, kind="stable")]


def summary(rows: list[dict]) -> dict:
    """Returns the mean and the standard deviation over the seeds."""
    values = [row["precision"] for row in rows]
    kinds = rows[0]["by_kind"]
    return {
        "precision": statistics.fmean(values),
        "deviation": statistics.stdev(values),
        "by_kind": {
            kind: statistics.fmean(row["by_kind"][kind] for row in rows)
            for kind in kinds
        },
    }


def main(camvid: str, *runs: str) -> None:
    """Prints the precision for all sizes."""
    planted = Planted(Path(camvid), list(runs))
    tries = [(corrupt.Sizes(), corrupt.KINDS, SEEDS)]
    for low, high in AREAS:
        sizes = corrupt.Sizes(smallest=low, largest=high / PIXELS)
        tries.append((sizes, ("swapped", "dropped"), CURVE_SEEDS))
    for shift in SHIFTS:
        tries.append((corrupt.Sizes(shift=shift), ("shifted",), CURVE_SEEDS))
    for each in tries:
        print(json.dumps(planted.precision(*each)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
