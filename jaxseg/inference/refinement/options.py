"""Defines the options of the refinement of a prediction."""

from __future__ import annotations

import dataclasses
from typing import Literal

from jaxseg.inference.crf import Kernels, Method, Normalization


@dataclasses.dataclass(frozen=True)
class CRF:
    """Sets the options of the dense conditional random field (CRF).

    The defaults are the values that DeepLab v2 uses with ResNet-101.

    Attributes:
      color_weight: Weight of the bilateral kernel, which depends on position and color.
      sigma_xy: Standard deviation of the bilateral kernel over positions, in pixels.
      sigma_rgb: Standard deviation of the bilateral kernel over colors, which are 0 to
        255.
      position_weight: Weight of the kernel that depends on position alone.
      position_sigma: Standard deviation of the position kernel in pixels.
      iterations: Number of mean-field iterations.
      normalization: When values are divided by the row sums of a kernel. "before"
        divides before filtering, and "after" divides after it, as in DeepLab.
        "symmetric" divides by the square roots of the row sums both before and after,
        as in pydensecrf. "none" does not divide.
      method: "lattice" filters with a fast approximation. "exact" sums over all pairs
        of pixels.
    """

    color_weight: float = 4.0
    sigma_xy: float = 67.0
    sigma_rgb: float = 3.0
    position_weight: float = 3.0
    position_sigma: float = 1.0
    iterations: int = 10
    normalization: Normalization = "after"
    method: Method = "lattice"

    @property
    def kernels(self) -> Kernels:
        """Returns the weights and standard deviations of the two Gaussian kernels."""
        return Kernels(
            position_weight=self.position_weight,
            position_sigma=self.position_sigma,
            color_weight=self.color_weight,
            color_reach=self.sigma_xy,
            color_sigma=self.sigma_rgb,
        )


@dataclasses.dataclass(frozen=True)
class GraphCut:
    """Sets the option of the graph cut.

    Attributes:
      gamma: Weight of the cost of boundaries. With 0, the graph cut changes nothing.
    """

    gamma: float = 10.0


@dataclasses.dataclass(frozen=True)
class Clean:
    """Sets the options for small regions and small holes in the predicted labels.

    Attributes:
      min_size: Regions with fewer pixels are removed: their pixels take the class of
        the nearest pixel that remains. A class that can overlap with others becomes
        absent there.
      fill_holes: Holes with at most this many pixels are filled. A hole is enclosed by
        pixels of one class and does not touch the border of the image. Its pixels take
        that class.
      connectivity: Number of neighbors, 4 or 8, that connect a pixel to its region or
        to its hole. With 8, these include diagonal neighbors.
    """

    min_size: int = 0
    fill_holes: int = 0
    connectivity: Literal[4, 8] = 8


@dataclasses.dataclass(frozen=True)
class Refinement:
    """Contains the options of all steps of the refinement, which have a fixed order.

    Attributes:
      crf: The options of the dense CRF, or None to leave it out.
      thresholds: Pairs of the name of a class and its threshold. A class is predicted
        only where its probability is above its threshold. If classes exclude each
        other and no probability of a pixel is above its threshold, the pixel keeps its
        most probable class.
      graphcut: The options of the graph cut, or None to leave it out.
      clean: The options for small regions and holes.
    """

    crf: CRF | None = None
    thresholds: tuple[tuple[str, float], ...] = ()
    graphcut: GraphCut | None = None
    clean: Clean = Clean()

    @property
    def steps(self) -> tuple[str, ...]:
        """Returns the names of the options that select steps, in order of the steps.

        Examples are "crf" and "clean.min_size". Steps that are not selected are left
        out.
        """
        selected = {
            "crf": self.crf is not None,
            "class_thresholds": bool(self.thresholds),
            "graphcut": self.graphcut is not None,
            "clean.min_size": self.clean.min_size > 1,
            "clean.fill_holes": self.clean.fill_holes > 0,
        }
        return tuple(name for name, is_selected in selected.items() if is_selected)

    @property
    def is_active(self) -> bool:
        """Returns whether any step can change a prediction."""
        return bool(self.steps)
