"""Defines the options of `jaxseg predict` and `jaxseg eval` that refine predictions.

`jaxseg.inference.refinement.chain` states the order of the steps.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from jaxseg.cli.unused import refuse_unused
from jaxseg.inference.refinement import CRF, Clean, GraphCut, Refinement
from jaxseg.runs.rules import check_bounds, number, whole

CRF_OPTIONS, CUT_OPTIONS, CLEAN = CRF(), GraphCut(), Clean()
LARGEST = 2**31 - 1  # More pixels than an image has.

CRF_BOUNDS = {
    "color_weight": number(0),
    "sigma_xy": number(above=0),
    "sigma_rgb": number(above=0),
    "position_weight": number(0),
    "position_sigma": number(above=0),
    "iterations": whole(0, 10_000),
}
CUT_BOUNDS = {"gamma": number(0)}
CLEAN_BOUNDS = {"min_size": whole(0, LARGEST), "fill_holes": whole(0, LARGEST)}


@dataclasses.dataclass(frozen=True)
class Refining:
    """Selects the steps that refine a prediction."""

    crf: bool = False
    """Refine the probabilities with a dense conditional random field (CRF)."""
    crf_options: Annotated[CRF, tyro.conf.arg(name="crf")] = CRF_OPTIONS
    class_thresholds: tuple[tuple[str, float], ...] = ()
    """Pairs of a class and a threshold, such as: car 0.6 sky 0.3. The class is
    predicted only where its probability is above the threshold. Elsewhere, the
    next most probable class is predicted."""
    graphcut: bool = False
    """Use a graph cut to move the boundaries of the classes to edges in the image."""
    graphcut_options: Annotated[GraphCut, tyro.conf.arg(name="graphcut")] = CUT_OPTIONS
    clean: Clean = CLEAN

    @property
    def refinement(self) -> Refinement:
        """Returns a `Refinement` with the selected steps and their options."""
        return Refinement(
            crf=self.crf_options if self.crf else None,
            thresholds=self.class_thresholds,
            graphcut=self.graphcut_options if self.graphcut else None,
            clean=self.clean,
        )

    def check(self, *, searching: bool = False) -> None:
        """Raises ValueError if an option is out of its bounds, or has no effect.

        Args:
          searching: Whether the command searches for the best options of the CRF.
        """
        check_bounds(self.crf_options, CRF_BOUNDS, prefix="crf.")
        check_bounds(self.graphcut_options, CUT_BOUNDS, prefix="graphcut.")
        check_bounds(self.clean, CLEAN_BOUNDS, prefix="clean.")
        for name, value in self.class_thresholds:
            THRESHOLD.check(f"class_thresholds {name}", value)
        if not (self.crf or searching):
            refuse_unused(self.crf_options, prefix="crf.", needs="--crf")
        if not self.graphcut:
            refuse_unused(self.graphcut_options, prefix="graphcut.", needs="--graphcut")
        if not (self.clean.min_size or self.clean.fill_holes):
            needs = "--clean.min-size or --clean.fill-holes"
            refuse_unused(self.clean, prefix="clean.", needs=needs)


THRESHOLD = number(0, below=1)
BOUNDS = {
    **{f"crf_options.{name}": rule for name, rule in CRF_BOUNDS.items()},
    **{f"graphcut_options.{name}": rule for name, rule in CUT_BOUNDS.items()},
    **{f"clean.{name}": rule for name, rule in CLEAN_BOUNDS.items()},
    "class_thresholds": THRESHOLD,
}
DEFAULT = Refining()
