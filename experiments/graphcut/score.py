"""How well do a box and strokes cut objects out of the drawn scenes?

    python experiments/graphcut/score.py --count 60 --results RESULTS.jsonl

Of each validation image of `shapes` the largest visible disc, box, triangle or ring is
the object, if it has 500 pixels at least. The box is its bounding box with 4 pixels
around it; the strokes are one row of it, 2 pixels from its border, and a frame 3 to 4
pixels outside of the bounding box. Void pixels (the seams of objects) do not count.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy import ndimage

from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.inference.grabcut import grab_cut, graph_cut, seeds_of_box

OBJECTS = (1, 2, 3, 4)  # disc, box, triangle, ring
LEAST, MARGIN, VOID = 500, 4, 255


def largest_object(label: np.ndarray) -> np.ndarray | None:
    """Mask bool [H, W] of the largest connected object, None if all are small."""
    best = None
    for kind in OBJECTS:
        parts, count = ndimage.label(label == kind)
        sizes = np.bincount(parts.ravel())[1:] if count else np.zeros(0)
        if len(sizes) and sizes.max() >= max(LEAST, 0 if best is None else best.sum()):
            best = parts == sizes.argmax() + 1
    return best


def box_of(mask: np.ndarray, margin: int) -> tuple[int, int, int, int]:
    """X0, Y0, X1, Y1 around the mask, inside the image."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    height, width = mask.shape
    low = max(0, columns[0] - margin), max(0, rows[0] - margin)
    high = min(width, columns[-1] + 1 + margin), min(height, rows[-1] + 1 + margin)
    return *low, *high


def strokes_of(mask: np.ndarray) -> np.ndarray:
    """Seeds int8 [H, W]: a row of the object and a frame around it."""
    seeds = np.full(mask.shape, -1, np.int8)
    inner = ndimage.binary_erosion(mask, iterations=2)
    row = inner.sum(1).argmax()
    seeds[row, inner[row]] = 1
    frame = np.zeros(mask.shape, bool)
    for margin, value in ((MARGIN, True), (MARGIN - 2, False)):
        x0, y0, x1, y1 = box_of(mask, margin)
        frame[y0:y1, x0:x1] = value
    seeds[frame & ~mask] = 0
    return seeds


def iou(found: np.ndarray, mask: np.ndarray, label: np.ndarray) -> float:
    """Intersection over union, void left out."""
    counted = label != VOID
    both = (found == 1) & mask & counted
    either = ((found == 1) | mask) & counted
    return float(both.sum() / either.sum())


def main() -> None:
    """Scores and prints all; with --results appends one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--results")
    options = parser.parse_args()
    source = open_source(DataConfig("shapes"), "validation")
    found: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    images = 0
    for index in range(len(source)):
        example = source[index]
        mask = largest_object(example["label"])
        if mask is None or images == options.count:
            continue
        x0, y0, x1, y1 = box_of(mask, MARGIN)
        if (x1 - x0) * (y1 - y0) == mask.size:
            continue
        images += 1
        image, strokes = example["image"], strokes_of(mask)
        box = seeds_of_box(mask.shape, (x0, y0, x1, y1))
        for name, method, seeds in (
            ("box, grabcut", grab_cut, box),
            ("strokes, graphcut", graph_cut, strokes),
            ("strokes, grabcut", grab_cut, strokes),
            ("both, grabcut", grab_cut, np.where(box == 0, 0, strokes)),
        ):
            start = time.process_time()
            how = {"start": "object"} if name.startswith("both") else {}
            cut = method(image, seeds, **how)
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - start
            found.setdefault(name, []).append(iou(cut.label, mask, example["label"]))
        found.setdefault("the box itself", []).append(
            iou((box == -1).astype(int), mask, example["label"])
        )
    line = {"images": images}
    for name, values in found.items():
        line[name] = {
            "mean": round(float(np.mean(values)), 4),
            "std": round(float(np.std(values)), 4),
            "median": round(float(np.median(values)), 4),
            "above_0.9": round(float(np.mean(np.array(values) > 0.9)), 4),
            "seconds_per_image": round(seconds.get(name, 0.0) / images, 3),
        }
        print(f"{name:20} {line[name]}")
    if options.results:
        with open(options.results, "a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
