"""How well does a network separate classes that its dataset merges?

    python experiments/union/evaluate.py RUN [FOLDER]

It scores the run on the validation images of streets with masks of all classes. Among
the pixels of cars and trucks that are predicted as one of the two, it prints the mean
of the share of the cars and the share of the trucks that are right; chance is 0.5.
"""

from __future__ import annotations

import json
import sys

import jaxseg
from jaxseg.tasks.evaluation import evaluate_network

FOLDER = "union_data/streets_full"
PAIR = ("car", "truck")


def main(workdir: str, folder: str = FOLDER) -> None:
    """Prints the scores and the confusion of cars and trucks as JSON."""
    data = {"mix": (), "name": "folder", "raw_dir": folder}
    run = jaxseg.open_run(workdir, checkpoint="latest", data=data)
    found = evaluate_network(run.config, run.spec, run.model, run.variables)
    places = [run.spec.classes.index(name) for name in PAIR]
    pair = found.total.matrix[places][:, places]
    result = {
        "step": run.step,
        "mean_iou": found.scores["mean_iou"],
        "iou": dict(zip(run.spec.classes, found.scores["iou"].tolist(), strict=True)),
        "car_truck_confusion": pair.tolist(),
        "right_of_two": float((pair.diagonal() / pair.sum(1)).mean()),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
