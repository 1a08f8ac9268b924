"""Ranks the masks of a dataset by how strongly predictions contradict them.

The predictions are those of networks that were not trained on these masks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxseg.audit.ranking.calibration import Calibration, fit_calibration
from jaxseg.audit.ranking.colors import as_rgb
from jaxseg.audit.ranking.grid import Grid, make_grid
from jaxseg.audit.ranking.measures import Measures, measure
from jaxseg.audit.ranking.out_of_fold import OutOfFold
from jaxseg.audit.ranking.scores import MISSING, SHIFTED, Suspect, mask_scores, suspects
from jaxseg.text import counted

Progress = Callable[[int], Callable[[], None]]
CALIBRATED = 100  # The calibration is fitted to at most this many examples.
MARKED = 3.0  # In CamVid, 1 to 3 % of the correct masks had this score or more.


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """Contains the scores of all masks.

    Attributes:
      dataset: The name of the dataset.
      split: The split that contains the masks.
      classes: The class names.
      runs: The run directories whose networks predicted the examples.
      names: The names of the examples.
      scores: The score of each mask, [N]; larger is more suspicious.
      suspects: The mask regions that may be wrong, in descending order of their scores.
      measured: For each example, how well its mask and its prediction agree.
      calibration: The logit bias and the distribution of the confidence of each class.
    """

    dataset: str
    split: str
    classes: tuple[str, ...]
    runs: tuple[str, ...]
    names: tuple[str, ...]
    scores: np.ndarray
    suspects: list[Suspect]
    measured: list[Measures]
    calibration: Calibration

    @property
    def order(self) -> list[int]:
        """Returns the indices of the masks in descending order of their scores."""
        return np.argsort(-self.scores, kind="stable").tolist()

    @property
    def marked(self) -> int:
        """Returns the number of masks that a person should inspect.

        Their scores are at least `MARKED`. Few correct masks have such a high score.
        """
        return int((self.scores >= MARKED).sum())

    @property
    def agreement(self) -> float:
        """Returns the fraction of pixels with the same class in mask and prediction.

        Void pixels and pixels near borders between regions are not counted.
        """
        pixels = sum(found.pixels.sum() for found in self.measured)
        agreed = sum(found.agreed for found in self.measured)
        return float(agreed / pixels) if pixels else 0.0

    def worst(self, index: int) -> Suspect | None:
        """Returns the region of a mask that is most probably wrong.

        Args:
          index: The index of the mask.

        Returns:
          A `Suspect`, the region with the highest score, or None if no region is
          suspicious.
        """
        return next((row for row in self.suspects if row.example == index), None)

    def verdict(self) -> str:
        """Returns one line that states how many masks should be inspected."""
        where = f"{counted(len(self.names), 'mask')} of {self.split} of {self.dataset}"
        if not self.marked:
            return (
                f"OK: none of the {where} stands out (no score of {MARKED:g} or more)."
            )
        first = self.order[0]
        return (
            f"LOOK AT {self.marked} of the {where}, whose scores are {MARKED:g} or "
            f"more, first at {self.names[first]}: {self.describe(self.worst(first))}"
        )

    def describe(self, row: Suspect | None) -> str:
        """Returns a sentence that says why a mask region may be wrong.

        Args:
          row: The region, or None if a mask has no suspicious region.
        """
        if row is None:
            return "no region stands out."
        given = self.classes[row.given]
        if row.reason == SHIFTED:
            rows, columns = row.offset
            return (
                f"shifted edge, the region {given} fits better {_moved(rows, columns)}."
            )
        predicted = self.classes[row.predicted]
        if row.reason == MISSING:
            return f"missing object, {predicted} is predicted inside {given}."
        return f"swapped class, the region {given} is predicted as {predicted}."

    def class_rows(self) -> list[dict[str, Any]]:
        """Returns one dictionary of statistics over all masks for each class.

        Its keys are "class" (the class name), "pixels" (the number of pixels that the
        masks assign to the class and that are not near a border), "confidence" (the
        mean predicted probability of the class at these pixels), "predicted" (the
        number of pixels whose predicted class it is) and "bias" (the number that the
        calibration adds to its logit).
        """
        pixels = sum(found.pixels for found in self.measured)
        confidence = sum(found.confidence for found in self.measured)
        predicted = sum(found.predicted for found in self.measured)
        return [
            {
                "class": name,
                "pixels": int(pixels[k]),
                "confidence": float(confidence[k] / pixels[k]) if pixels[k] else None,
                "predicted": int(predicted[k]),
                "bias": float(self.calibration.bias[k]),
            }
            for k, name in enumerate(self.classes)
        ]


def rank(
    examples: OutOfFold, *, progress: Progress = lambda n: lambda: None
) -> Ranking:
    """Ranks masks by how much they contradict networks that were not trained on them.

    Args:
      examples: The examples and the networks.
      progress: A function that takes the number of examples and returns a second
        function, which is called after each example.

    Returns:
      A `Ranking`: the score of each mask (larger is more suspicious), the mask regions
      that may be wrong, and statistics.
    """
    spec, count = examples.spec, len(examples)
    chosen = np.unique(np.linspace(0, count - 1, CALIBRATED).astype(int))
    usual = fit_calibration(grid_of(examples, int(index)) for index in chosen)
    advance = progress(count)
    measured = []
    for index in range(count):
        grid = usual.apply(grid_of(examples, index))
        measured.append(measure(grid, usual.surprise(grid)))
        advance()
    found = suspects(measured)
    return Ranking(
        dataset=spec.name,
        split=examples.split,
        classes=spec.classes,
        runs=tuple(map(str, examples.workdirs)),
        names=examples.source.ids,
        scores=mask_scores(found, count),
        suspects=found,
        measured=measured,
        calibration=usual,
    )


def grid_of(examples: OutOfFold, index: int) -> Grid:
    """Reduces an example and its prediction to a coarse grid of pixels.

    The prediction is that of the networks that were not trained on the example.

    Args:
      examples: The examples and the networks.
      index: The index of the example.
    """
    example, spec = examples.source[index], examples.spec
    return make_grid(
        as_rgb(example["image"], spec.value_range),
        examples.probabilities(index),
        label=example["label"],
        void=spec.void,
    )


def _moved(rows: int, columns: int) -> str:
    """Describes a displacement in words, such as `8 pixels up and 4 pixels left`."""
    words = []
    if rows:
        words.append(f"{counted(abs(rows), 'pixel')} {'down' if rows > 0 else 'up'}")
    if columns:
        side = "right" if columns > 0 else "left"
        words.append(f"{counted(abs(columns), 'pixel')} {side}")
    return " and ".join(words)
