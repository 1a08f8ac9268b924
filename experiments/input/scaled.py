"""Compares JPEG decoding at half size with resizing the decoded image."""

from __future__ import annotations

import io

import numpy as np
import pictures
from clock import clocked
from PIL import Image


def measure(images: list[np.ndarray]) -> dict:
    """Compares JPEG decoding at half size with resizing the decoded image."""
    half = (pictures.SIZE[1] // 2, pictures.SIZE[0] // 2)
    fast: list[float] = []
    slow: list[float] = []
    equal, largest = [], []
    for pixels in images:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
        scaled = Image.open(buffer)
        scaled.draft("RGB", half)
        found = clocked(fast, np.asarray, scaled).astype(int)
        expected = clocked(slow, _resized, buffer, half)
        equal.append(float((found == expected).mean()))
        largest.append(int(np.abs(found - expected).max()))
    return {
        "scaled_decoding": round(float(np.median(fast)), 2),
        "decoding_and_resizing": round(float(np.median(slow)), 2),
        "equal_values": round(float(np.mean(equal)), 3),
        "largest_difference": max(largest),
    }


def _resized(file: io.BytesIO, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.open(file).resize(size, Image.Resampling.BILINEAR))
