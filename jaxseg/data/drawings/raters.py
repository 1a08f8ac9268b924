"""Draws an image of a lesion, and the different labels that four raters give to it.

A lesion has a core. Most lesions also have a rim, which is faint or bright. A lesion
without a rim is called sharp. The kind of the lesion determines how many of the four
raters label nothing, how many label the core, and how many label the core and the rim:

    kind       nothing   core   core and rim
    sharp            0      4              0
    faint            1      2              1
    bright           0      1              3
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

RATERS = 4  # As in LIDC-IDRI.
KINDS = ("sharp", "faint", "bright")
MODES = ("nothing", "core", "whole")
COUNTS = {"sharp": (0, 4, 0), "faint": (1, 2, 1), "bright": (0, 1, 3)}
CORE = {"sharp": 0.75, "faint": 0.55, "bright": 0.75}  # Brightness on [0, 1].
RIM = {"sharp": 0.0, "faint": 0.22, "bright": 0.45}


class Case(NamedTuple):
    """Contains an image and the labels that four raters gave to it.

    Attributes:
      image: The image of a lesion, uint8 [H, W, 3].
      labels: The label of each rater, uint8 [H, W].
      kind: The kind of the lesion: "sharp" (without a rim), or "faint" or "bright",
        which describes its rim.
      modes: What each rater labeled: "nothing", "core", or "whole" for the core and the
        rim.
    """

    image: np.ndarray
    labels: tuple[np.ndarray, ...]
    kind: str
    modes: tuple[str, ...]


def draw_case(rng: np.random.Generator, size: tuple[int, int]) -> Case:
    """Draws one image of a lesion, and the labels that four raters give to it.

    The labels are 0 for the background and 1 for the lesion.

    Args:
      rng: The random number generator.
      size: The (H, W) of the image in pixels.

    Returns:
      A `Case` with the image and the labels.
    """
    kind = KINDS[rng.integers(len(KINDS))]
    core, whole = _outlines(rng, size)
    modes = [
        mode for mode, n in zip(MODES, COUNTS[kind], strict=True) for _ in range(n)
    ]
    modes = tuple(modes[i] for i in rng.permutation(RATERS))
    masks = {"nothing": np.zeros(size, bool), "core": core, "whole": whole}
    labels = tuple(masks[mode].astype(np.uint8) for mode in modes)
    return Case(_paint(rng, kind, core, whole), labels, kind, modes)


def _outlines(rng, size):
    """Returns the core and the whole lesion: two wavy discs with one center."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    side = min(size)
    center = rng.uniform(0.35, 0.65, 2) * size
    y, x = y - center[0], x - center[1]
    angle = np.arctan2(y, x)
    wave = sum(
        rng.uniform(0.0, 0.12) * np.sin(n * angle + rng.uniform(0, 2 * np.pi))
        for n in (2, 3, 5)
    )
    radius = rng.uniform(0.13, 0.19) * side
    distance = np.hypot(y, x) / (1 + wave)
    return distance <= radius, distance <= rng.uniform(1.6, 1.9) * radius


def _paint(rng, kind, core, whole):
    """Paints soft gray tissue with noise, and a brighter rim and core."""
    coarse = rng.random((6, 6))
    rows, columns = (np.linspace(0, 5, n) for n in core.shape)
    wide = np.stack([np.interp(columns, range(6), line) for line in coarse])
    soft = np.stack([np.interp(rows, range(6), line) for line in wide.T], axis=1)
    gray = 0.1 + 0.12 * soft
    gray = gray + RIM[kind] * whole
    gray = np.where(core, CORE[kind], gray)
    gray = gray + rng.normal(0.0, 0.04, gray.shape)
    pixels = np.clip(255 * gray + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=-1)
