"""Object and background from a box or from scribbles.

`graph_cut` (Boykov and Jolly, ICCV 2001) learns the colors of both from the scribbles
and cuts once. `grab_cut` (Rother, Kolmogorov and Blake, SIGGRAPH 2004) repeats: assign
pixels to the components of two Gaussian mixtures, refit these, cut; the energy never
rises. Labels are 1 for object and 0 for background.

Differs: Boykov and Jolly take histograms of gray levels; here both have mixtures of
colors. There is no border matting.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from jaxseg.inference import gmm
from jaxseg.inference.graphcut import contrast_links, cut_two, potts_energy
from jaxseg.inference.mincut import UNKNOWN

COMPONENTS = 5
GAMMA = 50.0


class Cut(NamedTuple):
    """What was found.

    Attributes:
      label: uint8 [H, W], 1 is the object.
      energies: after each cut, falling.
    """

    label: np.ndarray
    energies: tuple[float, ...]


def seeds_of_box(size: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    """Seeds int8 [H, W]: 0 outside the box (x0, y0, x1, y1), -1 (unknown) inside.

    x1 and y1 are the first column and row behind the box.

    Raises:
      ValueError: unless 0 <= x0 < x1 <= W, 0 <= y0 < y1 <= H, with a pixel outside.
    """
    height, width = size
    x0, y0, x1, y1 = box
    inside = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    if not inside or (x1 - x0) * (y1 - y0) == height * width:
        raise ValueError(
            f"box is {tuple(box)}; allowed is X0 Y0 X1 Y1 with 0 <= X0 < X1 <= {width} "
            f"and 0 <= Y0 < Y1 <= {height}, smaller than the image"
        )
    seeds = np.zeros(size, np.int8)
    seeds[y0:y1, x0:x1] = UNKNOWN
    return seeds


def graph_cut(
    image: np.ndarray,
    seeds: np.ndarray,
    *,
    gamma: float = GAMMA,
    components: int = COMPONENTS,
) -> Cut:
    """One cut with the colors of the seeds.

    Args:
      image: [H, W, 3], levels 0..255.
      seeds: [H, W], 1 object, 0 background, -1 unknown; both must occur.
      gamma: weight of boundaries.
      components: of each mixture.

    Raises:
      ValueError: if object or background has no seed, or shapes do not fit.
    """
    _check(image, seeds, components, needed=(0, 1))
    color = image.reshape(image.shape[0] * image.shape[1], -1).astype(np.float64)
    links = contrast_links(image, gamma=gamma)
    unary = _unary(color, _mixtures(color, seeds.ravel(), components))
    unary = unary.reshape(*seeds.shape, 2)
    label = cut_two(unary, links, seeds)
    return Cut(label, (potts_energy(label, unary, links),))


def grab_cut(
    image: np.ndarray,
    seeds: np.ndarray,
    *,
    gamma: float = GAMMA,
    components: int = COMPONENTS,
    iterations: int = 20,
    tolerance: float = 1e-4,
    start: Literal["object", "cut"] | None = None,
) -> Cut:
    """Cuts with re-estimated colors, until the energy falls by less than a share.

    Args:
      image, seeds, gamma, components: as in `graph_cut`; background must occur.
      iterations: at most so many cuts.
      tolerance: share of the energy.
      start: unknown pixels begin as "object" (fit for a box, with strokes or without)
        or with the "cut" of `graph_cut`; default "cut" where the object has seeds.

    Raises:
      ValueError: without a background seed, or for options out of range.
    """
    if start not in (None, "object", "cut"):
        raise ValueError(f"start is {start!r}; allowed: 'object', 'cut'")
    if iterations < 1 or tolerance < 0:
        raise ValueError(
            f"iterations is {iterations}, tolerance is {tolerance}; allowed are 1 or "
            "more and 0 or more"
        )
    _check(image, seeds, components, needed=(0,))
    color = image.reshape(image.shape[0] * image.shape[1], -1).astype(np.float64)
    links = contrast_links(image, gamma=gamma)
    if start == "cut" or (start is None and (seeds == 1).any()):
        label = graph_cut(image, seeds, gamma=gamma, components=components).label
    else:
        label = np.where(seeds == UNKNOWN, 1, seeds).astype(np.uint8)
    mixtures, energies = None, []
    for _ in range(iterations):
        if label.min() == label.max():  # one of the two has vanished
            break
        mixtures = _mixtures(color, label.ravel(), components, mixtures)
        unary = _unary(color, mixtures).reshape(*seeds.shape, 2)
        before = potts_energy(label, unary, links)
        found = cut_two(unary, links, seeds)
        now = potts_energy(found, unary, links)
        label = found if now < before else label
        energies.append(min(now, before))
        if len(energies) > 1 and energies[-2] - energies[-1] <= tolerance * abs(
            energies[-1]
        ):
            break
    return Cut(label, tuple(energies))


def _mixtures(color, label, components, before=None):
    """Mixtures of background and object; assignment by those before, or k-means."""
    found = []
    for side in (0, 1):
        own = color[label == side]
        if before is None:
            assigned = gmm.k_means(own, components)
        else:
            assigned = gmm.energies(own, before[side]).argmin(1)
        found.append(gmm.fit(own, assigned, components))
    return found


def _unary(color, mixtures):
    """Cost [N, 2] of background and object: that of the best component."""
    return np.stack([gmm.energies(color, m).min(1) for m in mixtures], 1)


def _check(image, seeds, components, needed):
    if image.ndim != 3 or seeds.shape != image.shape[:2]:
        raise ValueError(
            f"image of shape {image.shape} and seeds of shape {seeds.shape} do not "
            "fit; allowed are [H, W, 3] and [H, W]"
        )
    if components < 1:
        raise ValueError(f"components is {components}; allowed: 1 or more")
    names = ("background", "object")
    for side in needed:
        if not (seeds == side).any():
            raise ValueError(
                f"seeds hold no pixel of the {names[side]}; allowed are seeds with "
                "both (or, for grab_cut, with background)"
            )
