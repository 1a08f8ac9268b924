"""Draws the mean IoU in bands around boundaries over the width of the bands.

    python experiments/boundary/plot.py scores.json trimap.png

scores.json is a file of `jaxseg eval RUN --scores trimap trimap-void -o scores.json`.
"""

from __future__ import annotations

import json
import pathlib
import sys

from jaxseg.viz import save_image
from jaxseg.viz.figures import curves

SCORES = {"trimap_iou": "around boundaries", "trimap_void_iou": "around void"}


def main(source: str, target: str) -> None:
    """Reads the scores and writes the picture."""
    found = json.loads(pathlib.Path(source).read_text())
    widths = range(1, len(found["trimap_iou"]) + 1)
    series = {name: (widths, found[key]) for key, name in SCORES.items()}
    series["all pixels"] = ((1, len(widths)), [found["mean_iou"]] * 2)
    picture = curves(series, x_label="width of the band in pixels", y_label="mean IoU")
    save_image(pathlib.Path(target), picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
