"""Computes hashes of images to find equal and nearly equal images.

The perceptual hash has 64 bits. An image is reduced to 32 x 32 gray values, and their
discrete cosine transform is computed. The hash uses its coefficients for the 8 x 8
lowest frequencies that vary along both rows and columns: each bit says whether one of
these coefficients is above their median. Two images count as nearly equal if at most
`NEAR_BITS` bits of their hashes differ and the correlation of their gray values is at
least `NEAR_CORRELATION`.

The two limits were chosen by measurements on CamVid. Copies of an image that were
compressed as JPEG with quality 30, halved in size or brightened by 5 % differ in at
most 4 bits and have a correlation of at least 0.9988. Different frames of one video
have a correlation below 0.998. Mirrored, rotated or cropped copies are not found.
Copies of images without fine structure are not found either, because the higher
frequencies of these images are noise.
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image
from scipy.fft import dctn

SIDE = 32  # The number of gray values in a row and in a column.
NEAR_BITS = 10  # Changed copies differ in at most 4 bits; this limit has a margin.
NEAR_CORRELATION = 0.998  # Separates copies (0.9988 or more) from other frames.
FLAT = 1.0  # Gray values with a smaller deviation have no structure to compare.
_ROWS = 64  # Hashes that are compared with all others at a time.
_CANDIDATES = 1024  # Pairs whose gray values are compared at a time.


def gray_values(pixels: np.ndarray) -> np.ndarray:
    """Averages an image to 32 x 32 gray values.

    Args:
      pixels: The image, uint8 [H, W, 3].

    Returns:
      The gray values, uint8 [32, 32].
    """
    gray = Image.fromarray(pixels).convert("L")
    return np.asarray(gray.resize((SIDE, SIDE), Image.Resampling.BOX))


def perceptual_hash(gray: np.ndarray) -> np.uint64:
    """Computes the perceptual hash of an image from its gray values.

    Args:
      gray: The gray values, uint8 [32, 32].

    Returns:
      The hash, whose 64 bits form a number of the type uint64.
    """
    frequencies = dctn(gray.astype(np.float64), norm="ortho")[1:9, 1:9]
    bits = frequencies > np.median(frequencies)
    return np.packbits(bits).view(np.uint64)[0]


def pixel_digest(pixels: np.ndarray) -> str:
    """Returns a hexadecimal digest of the size and the pixels of an image.

    Args:
      pixels: The image, [H, W, C].
    """
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()


def near_pairs(hashes: np.ndarray, grays: np.ndarray) -> list[tuple[int, int]]:
    """Finds all pairs of nearly equal images.

    Every hash is compared with every other one: 20,000 images take about a second.

    Args:
      hashes: The perceptual hashes of N images, uint64 [N].
      grays: The gray values of the images, uint8 [N, 32, 32].

    Returns:
      The index pairs (i, j) of nearly equal images, with i < j. Images with nearly
      constant gray values are in no pair.
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
