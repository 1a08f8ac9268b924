"""Segmentation by graph cuts on the pixels of an image.

E(A) = sum_p U_p(A_p) + sum_(p, q) V_pq [A_p != A_q] over the eight neighbors, with
V_pq = gamma exp(-beta |z_p - z_q|^2) / |p - q| (Boykov and Jolly, ICCV 2001; beta from
the mean contrast as in GrabCut, SIGGRAPH 2004). Two labels are solved exactly; more by
alpha expansion (Boykov, Veksler and Zabih, PAMI 2001), whose result no change of any
set of pixels to one label improves. Runs on the host, in numpy and scipy.
"""

from __future__ import annotations

import numpy as np

from jaxseg.inference import mincut
from jaxseg.inference.mincut import UNKNOWN, Links

NEIGHBORS = ((0, 1), (1, 0), (1, 1), (1, -1))  # one of each two directions
FLOOR = 1e-5  # least probability


def contrast_links(
    image: np.ndarray, *, gamma: float = 50.0, beta: float | None = None
) -> Links:
    """Links of all neighboring pixels, numbered row by row.

    Args:
      image: [H, W, C], any levels.
      gamma: cost of a boundary of length 1 between equal colors.
      beta: of squared differences of color; default 1 / (2 mean |z_p - z_q|^2), or 0
        for an image of one color.

    Raises:
      ValueError: for other shapes, and negative gamma or beta.
    """
    if image.ndim != 3:
        raise ValueError(f"image has shape {image.shape}; allowed is [H, W, C]")
    if gamma < 0 or (beta is not None and beta < 0):
        raise ValueError(f"gamma is {gamma}, beta is {beta}; allowed: 0 or more")
    height, width = image.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    pixels = image.reshape(-1, image.shape[-1]).astype(np.float64)
    p, q = (
        np.concatenate(ends)
        for ends in zip(*(_ends(number, *step) for step in NEIGHBORS), strict=True)
    )
    squared = np.square(pixels[p] - pixels[q]).sum(-1)
    if beta is None:
        mean = squared.mean() if len(squared) else 0.0
        beta = 1 / (2 * mean) if mean else 0.0
    length = np.where((p // width != q // width) & (p % width != q % width), 2, 1)
    cost = gamma * np.exp(-beta * squared) / np.sqrt(length)
    return Links(p, q, cost, cost)


def _ends(number, down, right):
    """Numbers of the pixels that have a neighbor (down, right), and of these."""
    height, width = number.shape
    start, stop = max(0, -right), width - max(0, right)
    first = number[: height - down, start:stop]
    second = number[down:, start + right : stop + right]
    return first.ravel(), second.ravel()


def cut_two(
    unary: np.ndarray, links: Links, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Labels uint8 [H, W] of least energy for unary costs [H, W, 2].

    Args:
      unary: cost of both labels.
      links: of the pixels, `contrast_links`.
      fixed: [H, W], 0 or 1 where the label is given, -1 elsewhere.
    """
    flat = None if fixed is None else fixed.reshape(-1)
    label = mincut.minimize(unary.reshape(-1, 2), links, flat)
    return label.reshape(unary.shape[:2]).astype(np.uint8)


def potts_energy(label: np.ndarray, unary: np.ndarray, links: Links) -> float:
    """E of labels [H, W] for unary costs [H, W, K]."""
    flat = np.asarray(label, np.int64).ravel()
    single = unary.reshape(len(flat), -1)[np.arange(len(flat)), flat].sum()
    return float(single + links.first[flat[links.p] != flat[links.q]].sum())


def expand(
    unary: np.ndarray,
    links: Links,
    *,
    fixed: np.ndarray | None = None,
    sweeps: int = 5,
) -> np.ndarray:
    """Labels uint8 [H, W] for unary costs [H, W, K], by alpha expansion.

    Starts at the cheapest label of each pixel. A move offers one label to all pixels at
    once and is solved exactly; sweeps over the labels end when none lowers the energy.

    Args:
      unary: cost of each label.
      links: of the pixels; symmetric.
      fixed: [H, W], a label where it is given, -1 elsewhere.
      sweeps: at most so many.
    """
    flat = unary.reshape(-1, unary.shape[-1])
    given = np.full(len(flat), UNKNOWN) if fixed is None else fixed.reshape(-1)
    label = np.where(given == UNKNOWN, flat.argmin(1), given)
    lowest = potts_energy(label, flat, links)
    for _ in range(sweeps):
        before = lowest
        for alpha in range(flat.shape[1]):
            moved = _expanded(flat, links, label, given, alpha)
            reached = potts_energy(moved, flat, links)
            if reached < lowest:
                label, lowest = moved, reached
        if lowest == before:
            break
    return label.reshape(unary.shape[:2]).astype(np.uint8)


def _expanded(unary, links, label, given, alpha):
    """The best labelling in which pixels keep their label or take alpha (x = 1).

    Of the four costs of a pair, 00 = A, 01 = B, 10 = C, 11 = 0, C - A and -C go to the
    pixels and B + C - A remains for x_p = 0, x_q = 1.
    """
    p, q, weight, _ = links
    stay_p, stay_q = label[p], label[q]
    a = weight * (stay_p != stay_q)
    b, c = weight * (stay_p != alpha), weight * (stay_q != alpha)
    cost = np.stack([unary[np.arange(len(label)), label], unary[:, alpha]], 1)
    cost[:, 1] += np.bincount(p, c - a, minlength=len(label))
    cost[:, 1] -= np.bincount(q, c, minlength=len(label))
    move = Links(p, q, np.maximum(b + c - a, 0), np.zeros_like(weight))
    fixed = np.where(given == UNKNOWN, UNKNOWN, 0)
    taken = mincut.minimize(cost, move, fixed)
    return np.where(taken == 1, alpha, label)


def cut_probabilities(
    probability: np.ndarray,
    image: np.ndarray,
    *,
    gamma: float = 10.0,
    fixed: np.ndarray | None = None,
) -> np.ndarray:
    """Labels uint8 [H, W] from a network's probabilities and the edges of the image.

    The unary cost is -log p, p at least 1e-5. Two classes are solved exactly, more by
    alpha expansion.

    Args:
      probability: [H, W, K].
      image: [H, W, C].
      gamma: weight of the boundaries; 0 gives the most probable class.
      fixed: [H, W], a label where it is given, -1 elsewhere.

    Raises:
      ValueError: for shapes that do not fit.
    """
    if probability.ndim != 3 or probability.shape[:2] != image.shape[:2]:
        raise ValueError(
            f"probability of shape {probability.shape} and image of shape "
            f"{image.shape} do not fit; allowed are [H, W, K] and [H, W, C]"
        )
    unary = -np.log(np.clip(probability.astype(np.float64), FLOOR, 1.0))
    links = contrast_links(image, gamma=gamma)
    if probability.shape[-1] == 2:
        return cut_two(unary, links, fixed)
    return expand(unary, links, fixed=fixed)
