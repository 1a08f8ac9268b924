"""Defines the options --crf.search* of `jaxseg eval`.

They select settings of the conditional random field (CRF), which refines predictions.
The command tries all of these settings.
"""

from __future__ import annotations

import dataclasses
import itertools
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg.data import DatasetSpec
from jaxseg.inference.refinement import CRF, Refinement
from jaxseg.runs.rules import number, optional, some, whole
from jaxseg.tasks.measuring import ImageResult, total, total_refined
from jaxseg.tasks.scoring import scoring

BOUNDS = {
    "search_images": optional(whole(1)),
    "search_color_weight": some(number(0)),
    "search_sigma_xy": some(number(above=0)),
    "search_sigma_rgb": some(number(above=0)),
}


@dataclasses.dataclass(frozen=True)
class CRFSearch:
    """Selects the settings of the conditional random field (CRF) that a search tries.

    Attributes:
      search: Try all combinations of the values below on the split, and print the mean
        IoU of each. All other options of the CRF keep their values.
      search_images: Number of images to use, from the start of the split. By default
        all images are used.
      search_color_weight: Values to try for --crf.color-weight.
      search_sigma_xy: Values to try for --crf.sigma-xy.
      search_sigma_rgb: Values to try for --crf.sigma-rgb.
    """

    search: bool = False
    search_images: int | None = None
    search_color_weight: tuple[float, ...] = (3.0, 5.0, 10.0)
    search_sigma_xy: tuple[float, ...] = (30.0, 60.0, 90.0)
    search_sigma_rgb: tuple[float, ...] = (3.0, 5.0, 10.0)

    def settings(self, given: Refinement, options: CRF) -> tuple[Refinement, ...]:
        """Returns a tuple of `Refinement` objects, one per combination of CRF values.

        A `Refinement` contains the options of all steps that refine predictions.

        Args:
          given: A refinement. Its steps other than the CRF are copied to each result.
          options: The options of the CRF. Each result replaces the values of
            color_weight, sigma_xy and sigma_rgb.
        """
        tried = itertools.product(
            self.search_color_weight, self.search_sigma_xy, self.search_sigma_rgb
        )
        return tuple(
            dataclasses.replace(
                given,
                crf=dataclasses.replace(
                    options, color_weight=weight, sigma_xy=xy, sigma_rgb=rgb
                ),
            )
            for weight, xy, rgb in tried
        )


def search_table(
    settings: Sequence[Refinement], images: Sequence[ImageResult], spec: DatasetSpec
) -> tuple[str, int, list[float]]:
    """Formats a table of the mean IoU of every CRF setting, and finds the best one.

    Args:
      settings: The refinements that were tried, which differ in the options of the CRF.
      images: The results of all images. Images that the search has not refined are
        left out.
      spec: The classes of the evaluation.

    Returns:
      Three values: the table as text, the index in `settings` of the highest mean IoU,
      and a list with the mean IoU of each setting, from 0 to 1.
    """
    used = [one for one in images if one.refined]
    score = scoring(spec)
    before = score(total(used, spec))["mean_iou"]
    found = [
        score(total_refined(used, spec, k))["mean_iou"] for k in range(len(settings))
    ]
    best = int(np.argmax(np.nan_to_num(found, nan=-1.0)))
    rows = [f"{'color_weight':>12}{'sigma_xy':>10}{'sigma_rgb':>11}{'mean IoU':>10}"]
    rows.append(f"{'without CRF':>33}{100 * before:>10.2f}")
    for k, (one, value) in enumerate(zip(settings, found, strict=True)):
        crf, mark = one.crf, " best" if k == best else ""
        rows.append(
            f"{crf.color_weight:>12g}{crf.sigma_xy:>10g}{crf.sigma_rgb:>11g}"
            f"{100 * value:>10.2f}{mark}"
        )
    return "\n".join(rows), best, found


def command(workdir: str, refinement: Refinement) -> str:
    """Returns the `jaxseg eval` command line that evaluates a run with a refinement.

    Args:
      workdir: The run directory.
      refinement: The steps that refine predictions. One of them is a CRF.
    """
    words = ["jaxseg", "eval", workdir]
    for pair in refinement.thresholds:
        words += ["--class-thresholds"] if len(words) == 3 else []
        words += map(_word, pair)
    words += ["--crf", *_options("crf", refinement.crf)]
    if refinement.graphcut is not None:
        words += ["--graphcut", *_options("graphcut", refinement.graphcut)]
    return shlex.join([*words, *_options("clean", refinement.clean)])


def _options(group: str, chosen: Any) -> list[str]:
    """Returns the words that set all options of a group that are not the defaults."""
    default, words = type(chosen)(), []
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        if value != getattr(default, field.name):
            words += [f"--{group}.{field.name.replace('_', '-')}", _word(value)]
    return words


def _word(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
