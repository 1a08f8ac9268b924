"""Draws the reliability diagrams of several evaluations side by side.

python experiments/calibration/diagrams.py OUT.png NAME=SCORES.json ...

The files are those that `jaxseg eval --calibration -o SCORES.json` writes.
"""

import json
import sys

import numpy as np

from jaxseg.storage import atomic
from jaxseg.viz import charts


def bins(path):
    """Returns the number, accuracy and confidence of each bin, with NaN for null."""
    with open(path) as file:
        found = json.load(file)["calibration"]["bins"]
    names = ("predictions", "accuracy", "confidence")
    return np.stack([np.array(found[name], np.float64) for name in names], -1)


def main(arguments):
    """Reads the files and writes the picture."""
    out, *pairs = arguments
    drawn = []
    for pair in pairs:
        name, _, path = pair.partition("=")
        drawn.append(charts.Reliability(bins(path), name))
    layout = charts.Layout(columns=len(drawn), width=3.4, height=4.2)
    atomic.write_bytes(out, charts.png(drawn, layout))


if __name__ == "__main__":
    main(sys.argv[1:])
