"""Encodes and decodes the run-length encoding of COCO masks.

COCO counts pixels column by column. The counts alternate between background and object,
starting with the background. The compressed encoding stores the first three counts as
they are, and replaces each later count by its difference from the count two positions
before. It writes numbers in groups of five bits, the lowest group first. See
`rleToString` of the COCO API (cocodataset/cocoapi, common/maskApi.c).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg.data.spec import VOID


def encode_rle(mask: np.ndarray) -> dict[str, Any]:
    """Encodes a mask in COCO's compressed run-length encoding.

    Args:
      mask: Booleans [H, W].

    Returns:
      {"size": [H, W], "counts": text}, which pycocotools reads.

    >>> encode_rle(np.array([[0, 1], [1, 1]]))
    {'size': [2, 2], 'counts': '13'}
    """
    flat = np.asarray(mask, bool).ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    edges = np.concatenate([[0], changes, [flat.size]])
    counts = [int(count) for count in np.diff(edges)]
    if flat.size and not counts[-1]:
        counts.pop()
    return {"size": list(mask.shape), "counts": _compress(counts)}


def decode_rle(encoded: dict[str, Any]) -> np.ndarray:
    """Decodes a run-length encoding of COCO.

    Args:
      encoded: {"size": [H, W], "counts": text or list of counts}.

    Returns:
      Bool [H, W].

    Raises:
      ValueError: If the counts do not add up to the size.
    """
    height, width = encoded["size"]
    counts = encoded["counts"]
    if isinstance(counts, bytes):
        counts = counts.decode("ascii")
    if isinstance(counts, str):
        counts = _decompress(counts)
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ValueError(
            f"the run-length encoding counts {sum(counts)} pixels: expected "
            f"{height} x {width} = {height * width}"
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape((height, width), order="F")


def coco_annotations(
    labels: np.ndarray, image_id: int, *, first_id: int = 1, void: int = VOID
) -> list[dict[str, Any]]:
    """Converts a label map to COCO annotations, one for each class in it.

    Args:
      labels: The label map, integers [H, W]. Void pixels get no annotation.
      image_id: The number of the image in COCO.
      first_id: The number of the first annotation.
      void: The ignore index. Pass 65535 for 16-bit labels.

    Returns:
      Annotations with `segmentation`, `area`, `bbox` and `category_id`. COCO numbers
      categories from 1, so `category_id` is the class plus 1.
    """
    found: list[dict[str, Any]] = []
    for number in np.unique(labels):
        if number == void:
            continue
        mask = labels == number
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        top, left = int(rows[0]), int(columns[0])
        box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
        found.append(
            {
                "id": first_id + len(found),
                "image_id": image_id,
                "category_id": int(number) + 1,
                "segmentation": encode_rle(mask),
                "area": int(mask.sum()),
                "bbox": box,
                "iscrowd": 1,
            }
        )
    return found


def _compress(counts: Sequence[int]) -> str:
    text = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        while True:
            group, rest = rest & 31, rest >> 5
            more = rest != (
                -1 if group & 16 else 0
            )  # Bit 16 of the last group is the sign.
            text.append(chr(48 + (group | 32 if more else group)))
            if not more:
                break
    return "".join(text)


def _decompress(text: str) -> list[int]:
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64:
            raise ValueError(
                f"the run-length encoding contains {character!r}: expected characters "
                "from '0' to 'o'"
            )
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            if shift > 60:
                raise ValueError(
                    "the run-length encoding has too large a count: expected at most "
                    "60 bits"
                )
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the run-length encoding ends inside a count")
    return counts
