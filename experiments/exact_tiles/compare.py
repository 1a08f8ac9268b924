"""What do sliding windows change, and do exact tiles leave seams?

    jaxseg train --workdir runs/shapes
    python experiments/exact_tiles/compare.py runs/shapes

Draws a large scene, predicts it as a whole, with sliding windows and in exact tiles,
and measures the extra computation of exact tiles for several sizes of windows.
seams.png shows how far the probabilities differ from those of the whole image.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

import jaxseg
from jaxseg.data.drawings.shapes import draw_scene
from jaxseg.inference.exact.options import ExactOptions
from jaxseg.inference.exact.tiled import TiledNetwork
from jaxseg.inference.segmenter import PredictOptions
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line

HERE = Path(__file__).parent
CELLS, CELL = (5, 7), 64  # The scene consists of drawings of this size, as in training.
SIZE = (301, 429)
WINDOW = (128, 128)
SIDES = (128, 160, 192, 256, 384, 512, 1024)
BRIGHT = 0.05  # The difference of a probability that is white in the picture.


def scene() -> np.ndarray:
    """Returns a large image that consists of drawings, uint8 [H, W, 3]."""
    random = np.random.default_rng(0)
    rows = [
        np.concatenate(
            [draw_scene(random, (CELL, CELL))[0] for _ in range(CELLS[1])], 1
        )
        for _ in range(CELLS[0])
    ]
    return np.concatenate(rows)[: SIZE[0], : SIZE[1]]


def main(workdir: str) -> None:
    """Adds records to results.jsonl and writes seams.png."""
    run, image = jaxseg.open_run(workdir), scene()
    about = {"commit": commit(), "machine": machine(), "versions": versions()}
    about["command"] = "python experiments/exact_tiles/compare.py runs/shapes"
    modes = {
        "whole": PredictOptions(),
        "slide": PredictOptions("slide", window=WINDOW),
        "center": PredictOptions("slide", window=WINDOW, blend="center"),
        "exact": PredictOptions("exact", window=WINDOW),
    }
    changes, whole = {}, None
    for name, options in modes.items():
        segmenter, start = run.make_segmenter(options), time.monotonic()
        found = segmenter.predict(image)
        whole = whole or found
        change = np.abs(found.probabilities - whole.probabilities).max(-1)
        row = {
            "mode": name,
            "window": WINDOW if name != "whole" else SIZE,
            "largest_difference": float(change.max()),
            "changed_labels": float(np.mean(found.labels != whole.labels)),
            "seconds_with_compilation": round(time.monotonic() - start, 1),
        }
        append_line(HERE / "results.jsonl", row | about)
        print(row, flush=True)
        changes[name] = change
    panels = [image, *(picture(changes[name]) for name in ("slide", "center", "exact"))]
    top, bottom = (np.concatenate(panels[i : i + 2], 1) for i in (0, 2))
    joined = Image.fromarray(np.concatenate([top, bottom]))
    joined.quantize(96).save(HERE / "seams.png", optimize=True)
    measure_cost(run, about)


def picture(change: np.ndarray) -> np.ndarray:
    """Returns a gray picture of the differences, uint8 [H, W, 3]."""
    gray = np.clip(change / BRIGHT, 0, 1) * 255
    return np.repeat(gray.astype(np.uint8)[..., None], 3, 2)


def measure_cost(run, about) -> None:
    """Adds the cost of tiles for several sizes of windows, on a large image."""
    network = run.segmenter.network
    for side in SIDES:
        options = ExactOptions(window=(side, side))
        tiled = TiledNetwork(
            network.logits, run.variables, (1, 4001, 4001, 3), np.uint8, options=options
        )
        row = {"cost_of_window": side, "size": 4001, **dataclasses.asdict(tiled.cost)}
        append_line(HERE / "results.jsonl", row | about)
        print(row)


if __name__ == "__main__":
    main(sys.argv[1])
