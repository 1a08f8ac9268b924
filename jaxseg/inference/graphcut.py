"""Segments an image by graph cuts on its pixels.

The energy is E(A) = sum_p U_p(A_p) + sum_(p, q) V_pq [A_p != A_q] over the eight
neighbors, with V_pq = gamma exp(-beta |z_p - z_q|^2) / |p - q| (Boykov and Jolly, ICCV
2001; beta follows from the mean contrast as in GrabCut, SIGGRAPH 2004). For two labels,
the minimum is exact. For more labels, alpha expansion (Boykov, Veksler and Zabih, PAMI
2001) finds a local minimum: the energy cannot be lowered by changing any set of pixels
to one label. The computation runs on the host, in NumPy and SciPy.
"""

from __future__ import annotations

import numpy as np

from jaxseg.inference import mincut
from jaxseg.inference.mincut import UNKNOWN, Links

NEIGHBORS = ((0, 1), (1, 0), (1, 1), (1, -1))  # The others are their opposites.
FLOOR = 1e-5  # The smallest probability.


def contrast_links(
    image: np.ndarray, *, gamma: float = 50.0, beta: float | None = None
) -> Links:
    """Returns all pairs of neighboring pixels and the cost of each pair, as `Links`.

    The cost gamma exp(-beta |z_p - z_q|^2) / |p - q| applies if the labels of the pair
    differ, where z_p is the color of pixel p. Pixels are numbered row by row.

    Args:
      image: The image, [H, W, C], with any range of levels.
      gamma: The cost of a boundary of length 1 between pixels of equal color.
      beta: The factor of squared color differences. The default is
        1 / (2 mean |z_p - z_q|^2), or 0 for an image of one color.

    Raises:
      ValueError: If the image has another shape, or gamma or beta is negative.
    """
    if image.ndim != 3:
        raise ValueError(f"image.shape={image.shape} is invalid: expected [H, W, C].")
    for name, value in (("gamma", gamma), ("beta", beta)):
        if value is not None and value < 0:
            raise ValueError(f"{name}={value} is invalid: expected a number >= 0.")
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
    return Links(p, q=q, first=cost, second=cost)


def _ends(number, down, right):
    """Returns the pixels with a neighbor at the offset (down, right), and these."""
    height, width = number.shape
    start, stop = max(0, -right), width - max(0, right)
    first = number[: height - down, start:stop]
    second = number[down:, start + right : stop + right]
    return first.ravel(), second.ravel()


def cut_two(
    unary: np.ndarray, links: Links, fixed: np.ndarray | None = None
) -> np.ndarray:
    """Assigns one of two labels to each pixel such that the energy is minimal.

    Args:
      unary: The costs of both labels, [H, W, 2].
      links: The pairs of neighboring pixels, and the cost of each pair if its labels
        differ, from `contrast_links`.
      fixed: The labels of pixels that must not change, [H, W]; -1 elsewhere.

    Returns:
      The labels, uint8 [H, W].
    """
    flat = None if fixed is None else fixed.reshape(-1)
    label = mincut.minimize(unary.reshape(-1, 2), links, flat)
    return label.reshape(unary.shape[:2]).astype(np.uint8)


def potts_energy(label: np.ndarray, unary: np.ndarray, links: Links) -> float:
    """Returns the energy of given labels, a float.

    It is the sum of the cost of each pixel's label, and of the costs of all pairs of
    neighboring pixels with different labels.

    Args:
      label: The labels, [H, W].
      unary: The costs of each label, [H, W, K].
      links: The pairs of neighboring pixels, and the cost of each pair if its labels
        differ. The cost must not depend on which pixel has which of the two labels.
    """
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
    """Finds labels of low energy by alpha expansion.

    It starts with the label of the lowest cost at each pixel. A move finds, for one
    label, the set of pixels whose change to this label gives the lowest energy. The
    function repeats moves for all labels until none lowers the energy.

    Args:
      unary: The costs of each label, [H, W, K].
      links: The pairs of neighboring pixels, and the cost of each pair if its labels
        differ. The cost must not depend on which pixel has which of the two labels.
      fixed: The labels of pixels that must not change, [H, W]; -1 elsewhere.
      sweeps: The maximum number of passes over all labels.

    Returns:
      The labels [H, W], uint8 or, for more than 256 classes, uint16.
    """
    flat = unary.reshape(-1, unary.shape[-1])
    given = np.full(len(flat), UNKNOWN) if fixed is None else fixed.reshape(-1)
    label = np.where(given == UNKNOWN, flat.argmin(1), given)
    lowest = potts_energy(label, flat, links)
    for _ in range(sweeps):
        before = lowest
        for alpha in range(flat.shape[1]):
            moved = _expanded(flat, links=links, label=label, given=given, alpha=alpha)
            reached = potts_energy(moved, flat, links)
            if reached < lowest:
                label, lowest = moved, reached
        if lowest == before:
            break
    kind = np.min_scalar_type(flat.shape[1] - 1)
    return label.reshape(unary.shape[:2]).astype(kind)


def _expanded(unary, links, label, given, alpha):
    """Returns the best labeling in which each pixel keeps its label or takes alpha.

    With x = 1 for alpha, the costs of a pair are A for x = 00, B for 01, C for 10 and 0
    for 11. The unary costs take C - A and -C; B + C - A remains for x_p = 0, x_q = 1.
    """
    p, q, weight, _ = links
    stay_p, stay_q = label[p], label[q]
    a = weight * (stay_p != stay_q)
    b, c = weight * (stay_p != alpha), weight * (stay_q != alpha)
    cost = np.stack([unary[np.arange(len(label)), label], unary[:, alpha]], 1)
    cost[:, 1] += np.bincount(p, c - a, minlength=len(label))
    cost[:, 1] -= np.bincount(q, c, minlength=len(label))
    move = Links(p, q=q, first=np.maximum(b + c - a, 0), second=np.zeros_like(weight))
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
    """Moves the class boundaries of predicted probabilities to edges in the image.

    The cost of a class is -log p, with p >= 1e-5. The minimum is exact for two classes;
    for more classes, alpha expansion approximates it.

    Args:
      probability: The softmax of the network, [H, W, K].
      image: The image, [H, W, C].
      gamma: The weight of boundaries; 0 gives the most probable class.
      fixed: The labels of pixels that must not change, [H, W]; -1 elsewhere.

    Returns:
      The labels [H, W], uint8 or, for more than 256 classes, uint16.

    Raises:
      ValueError: If the shapes do not match or gamma is negative.
    """
    if probability.ndim != 3 or probability.shape[:2] != image.shape[:2]:
        raise ValueError(
            f"probability.shape={probability.shape} with image.shape={image.shape} is "
            "invalid: expected [H, W, K] and [H, W, C] of equal H and W."
        )
    unary = -np.log(np.clip(probability.astype(np.float64), FLOOR, 1.0))
    links = contrast_links(image, gamma=gamma)
    if probability.shape[-1] == 2:
        return cut_two(unary, links, fixed)
    return expand(unary, links, fixed=fixed)
