"""Can a segmenting network read the photos that a run makes of label maps?

    python experiments/pix2pix/fcn_score.py PHOTOS SEGMENTER

The "FCN-score" of pix2pix (arXiv 1611.07004, section 4): photos are made of the
validation labels by the run PHOTOS, segmented by the run SEGMENTER, which was trained
on true photos, and scored against the labels they were made of. Beside it stands the
score of the true photos. The last line is JSON.
"""

from __future__ import annotations

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.metrics import ConfusionTotal, confusion, scores
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec
from jaxseg.tasks.functions import training_of
from jaxseg.tasks.pix2pix import photo_maker


def restored(workdir: str, checkpoint: str):
    """Configuration, network and variables of a run."""
    config, spec = read_config(workdir), read_spec(workdir)
    model = build_model(config, spec.num_classes)
    _, variables = load_variables(workdir, model, checkpoint=checkpoint)
    return config, model, variables


def main(photos: str, segmenter: str) -> None:
    """Scores made and true photos of the validation split."""
    config, maker, variables = restored(photos, "latest")
    _, reader, theirs = restored(segmenter, "best")
    spec = read_spec(segmenter)
    source = training_of(config).open_source(config.data, config.data.eval_split)
    make = photo_maker(maker, spec.num_classes)
    mean, std = (jnp.array(v).reshape(1, 1, 1, 3) for v in (spec.mean, spec.std))

    @jax.jit
    def count(pixels, label):
        logits = reader.apply(theirs, (pixels - mean) / std)["logits"]
        return confusion(logits.argmax(-1), label.astype(jnp.int32), spec.num_classes)

    totals = {name: ConfusionTotal(spec.num_classes) for name in ("made", "true")}
    for index in range(len(source)):
        example = source[index]
        label = example["label"][None]
        made = (make(variables, label) + 1) / 2
        true = example["image"][None].astype(np.float32) / 255
        for name, pixels in (("made", made), ("true", true)):
            totals[name].add(np.asarray(count(pixels, label)))
    keys = ("pixel_accuracy", "mean_accuracy", "mean_iou")
    found = {
        name: {key: scores(total.matrix)[key] for key in keys}
        for name, total in totals.items()
    }
    for name, values in found.items():
        print(name, " ".join(f"{key} {value:.3f}" for key, value in values.items()))
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
