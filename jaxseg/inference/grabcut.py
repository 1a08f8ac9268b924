"""Separates an object from the background, given a box or scribbles.

`graph_cut` (Boykov and Jolly, ICCV 2001) learns the colors of object and background
from the scribbles and computes one cut. `grab_cut` (Rother, Kolmogorov and Blake,
SIGGRAPH 2004) iterates three steps: it assigns pixels to the components of two Gaussian
mixtures, fits the mixtures again, and computes a cut. The energy never increases. In
the result, pixels of the object have the label 1 and others 0.

Differs: Boykov and Jolly use histograms of gray levels. Here, object and background
each have a mixture of colors. Border matting is not included.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from jaxseg.inference import gmm
from jaxseg.inference.graphcut import contrast_links, cut_two, potts_energy
from jaxseg.inference.mincut import UNKNOWN

COMPONENTS = 5  # As in the paper of GrabCut.
GAMMA = 50.0  # As in the paper of GrabCut, where it was tuned on 15 images.


class Cut(NamedTuple):
    """Contains the labels of object and background, and the energies of the cuts.

    Attributes:
      label: The labels, uint8 [H, W]: 1 is the object, 0 the background.
      energies: The energy after each cut. It never increases.
    """

    label: np.ndarray
    energies: tuple[float, ...]


def seeds_of_box(size: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    """Marks the pixels outside a box as background.

    Args:
      size: The height and width of the image.
      box: The box (x0, y0, x1, y1) in pixels. Column x1 and row y1 are outside.

    Returns:
      The seeds, int8 [H, W]: 0 (background) outside the box, -1 (unknown) inside.

    Raises:
      ValueError: If the box is empty, exceeds the image, or covers it entirely.
    """
    height, width = size
    x0, y0, x1, y1 = box
    inside = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    if not inside or (x1 - x0) * (y1 - y0) == height * width:
        raise ValueError(
            f"box={tuple(box)} is invalid: expected X0 Y0 X1 Y1 with 0 <= X0 < X1 <= "
            f"{width} and 0 <= Y0 < Y1 <= {height}, and a box smaller than the image."
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
    """Separates object and background by one cut, with colors learned from the seeds.

    Args:
      image: The image, [H, W, 3], with levels 0..255.
      seeds: The seeds, [H, W]: 1 is object, 0 background, -1 unknown. Object and
        background both need seeds.
      gamma: The weight of boundaries.
      components: The number of components of each mixture.

    Returns:
      A `Cut` with the labels, uint8 [H, W], and the energy of the cut.

    Raises:
      ValueError: If object or background has no seed, the shapes do not match, or
        `components` is less than 1.
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
    """Alternates between cuts and fitting the color models until the energy converges.

    Args:
      image: The image, [H, W, 3], with levels 0..255.
      seeds: The seeds, [H, W]: 1 is object, 0 background, -1 unknown. The background
        needs seeds.
      gamma: The weight of boundaries.
      components: The number of components of each mixture.
      iterations: The maximum number of cuts.
      tolerance: Iteration stops when a cut lowers the energy by at most this fraction.
      start: The first labels of unknown pixels: "object", which suits a box with or
        without scribbles, or "cut", the result of `graph_cut`. The default is "cut" if
        the object has seeds, and "object" otherwise.

    Returns:
      A `Cut` with the final labels, uint8 [H, W], and the energy after each cut.

    Raises:
      ValueError: If the background has no seed, the shapes do not match, or an option
        has an invalid value.
    """
    if start not in (None, "object", "cut"):
        raise ValueError(f"start={start!r} is invalid: expected 'object' or 'cut'.")
    if iterations < 1:
        raise ValueError(f"iterations={iterations} is invalid: expected a number >= 1.")
    if tolerance < 0:
        raise ValueError(f"tolerance={tolerance} is invalid: expected a number >= 0.")
    _check(image, seeds, components, needed=(0,))
    color = image.reshape(image.shape[0] * image.shape[1], -1).astype(np.float64)
    links = contrast_links(image, gamma=gamma)
    if start == "cut" or (start is None and (seeds == 1).any()):
        label = graph_cut(image, seeds, gamma=gamma, components=components).label
    else:
        label = np.where(seeds == UNKNOWN, 1, seeds).astype(np.uint8)
    mixtures, energies = None, []
    for _ in range(iterations):
        if label.min() == label.max():  # Object or background has no pixel left.
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
    """Fits the mixtures of background and object.

    It assigns colors to components by the previous mixtures, at first by k-means.
    """
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
    """Returns the costs of background and object by their best components, [N, 2]."""
    return np.stack([gmm.energies(color, m).min(1) for m in mixtures], 1)


def _check(image, seeds, components, needed):
    if image.ndim != 3 or seeds.shape != image.shape[:2]:
        raise ValueError(
            f"seeds.shape={seeds.shape} with image.shape={image.shape} is invalid: "
            "expected [H, W] and [H, W, 3] of equal H and W."
        )
    if components < 1:
        raise ValueError(f"components={components} is invalid: expected a number >= 1.")
    names = ("background", "object")
    for side in needed:
        if not (seeds == side).any():
            raise ValueError(
                f"seeds is invalid: expected at least one pixel with the value {side}, "
                f"which marks the {names[side]}."
            )
