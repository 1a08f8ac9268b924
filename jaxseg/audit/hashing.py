"""Computes hashes of images, by which equal and nearly equal ones are found.

The perceptual hash has 64 bits. An image is averaged to 32 x 32 gray values, and the
hash says which of the 8 x 8 lowest frequencies of their discrete cosine transform,
without those of constant rows or columns, are above the median. Two images count as
nearly equal if at most `NEAR_BITS` bits differ and the gray values have a correlation
of at least `NEAR_CORRELATION`.

The limits are measured on CamVid: after JPEG compression at quality 30, after halving
and after brightening by 5 %, at most 4 bits differ and the correlation is at least
0.9988. Different frames of one drive reach less than 0.998. Copies that are mirrored,
rotated or cropped are not found, nor are copies of images without fine structure, whose
higher frequencies are noise.
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32  # The number of gray values in a row and in a column.
NEAR_BITS = 10
NEAR_CORRELATION = 0.998
FLAT = 1.0  # Gray values with a smaller deviation have no structure to compare.
_ROWS = 64  # Hashes that are compared with all others at a time.
_CANDIDATES = 1024  # Pairs whose gray values are compared at a time.


def gray_values(pixels: np.ndarray) -> np.ndarray:
    """Averages an image to 32 x 32 gray values.

    Args:
      pixels: Uint8 [H, W, 3].

    Returns:
      Uint8 [32, 32].
    """
    gray = Image.fromarray(pixels).convert("L")
    return np.asarray(gray.resize((SIDE, SIDE), Image.Resampling.BOX))


def perceptual_hash(gray: np.ndarray) -> np.uint64:
    """Computes the hash of gray values.

    Args:
      gray: Uint8 [32, 32].

    Returns:
      The 64 bits of the hash.
    """
    frequencies = dctn(gray.astype(np.float64), norm="ortho")[1:9, 1:9]
    bits = frequencies > np.median(frequencies)
    return np.packbits(bits).view(np.uint64)[0]


def pixel_digest(pixels: np.ndarray) -> str:
    """Computes a digest that is equal for equal pixels and sizes."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()


def near_pairs(hashes: np.ndarray, grays: np.ndarray) -> list[tuple[int, int]]:
    """Finds all pairs of nearly equal images.

    Every hash is compared with every other one: 20,000 images take about a second.

    Args:
      hashes: Uint64 [N].
      grays: Uint8 [N, 32, 32].

    Returns:
      The pairs (i, j) with i < j. Images without structure are in no pair.
    """
    values = grays.reshape(len(grays), -1)
    structured = values.std(axis=1) >= FLAT
    found = []
    for start in range(0, len(hashes), _ROWS):
        rows = hashes[start : start + _ROWS, None]
        near = np.bitwise_count(rows ^ hashes[None]) <= NEAR_BITS
        one, other = np.nonzero(near)
        one += start
        kept = (one < other) & structured[one] & structured[other]
        one, other = one[kept], other[kept]
        for begin in range(0, len(one), _CANDIDATES):
            i, j = (side[begin : begin + _CANDIDATES] for side in (one, other))
            equal = _correlations(values[i], values[j]) >= NEAR_CORRELATION
            found += zip(i[equal].tolist(), j[equal].tolist(), strict=True)
    return found


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the correlation of each row with the row of the same number."""
    one, other = (
        (values - values.mean(axis=1, keepdims=True))
        / values.std(axis=1, keepdims=True)
        for values in (first, second)
    )
    return (one * other).mean(axis=1)
