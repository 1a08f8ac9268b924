"""Scores a Bayesian run with sampled dropout (arXiv 1511.02680), and without.

    python experiments/camvid_scratch/score_sampled.py RUN [--samples 40]

Prints mean IoU, class and global accuracy of the network without dropout and of the
averaged softmax of `samples` networks, and the mean predictive entropy of right and of
wrong pixels: wrong ones should have more. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

import jaxseg
from jaxseg.data import eval_batches, open_source
from jaxseg.inference import mc_dropout
from jaxseg.metrics import ConfusionTotal, confusion, scores
from jaxseg.ops.preprocess import preprocess
from jaxseg.ops.resize import resize


def main(argv: list[str]) -> None:
    """Scores the run on its validation split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workdir")
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=8)
    given = parser.parse_args(argv)
    run = jaxseg.open_run(given.workdir)
    model, variables, data = run.model, run.variables, run.config.data
    source = open_source(data, data.eval_split)
    spec, classes = source.spec, source.spec.num_classes

    @jax.jit
    def count(batch, key):
        """Both confusion matrices, and entropy sums of right and wrong pixels."""
        label = batch["label"].astype(jnp.int32)
        image = preprocess(batch["image"], spec, scale=data.eval_scale)
        plain = model.apply(variables, image)["logits"]
        sampled = mc_dropout(model.apply, variables, image, key, given.samples)
        plain, mean = (
            resize(maps, label.shape[1:]).argmax(-1) for maps in (plain, sampled.mean)
        )
        entropy = resize(sampled.entropy[..., None], label.shape[1:])[..., 0]
        known = label != spec.void
        parts = [known & (mean == label), known & (mean != label)]
        sums = [(jnp.where(part, entropy, 0).sum(), part.sum()) for part in parts]
        return confusion(plain, label, classes), confusion(mean, label, classes), sums

    totals = ConfusionTotal(classes), ConfusionTotal(classes)
    entropies = np.zeros((2, 2))
    key = jax.random.key(0)
    for number, batch in enumerate(eval_batches(source, batch_size=given.batch_size)):
        batch.pop("index")
        *matrices, sums = count(batch, jax.random.fold_in(key, number))
        for total, matrix in zip(totals, matrices, strict=True):
            total.add(matrix)
        entropies += np.array(sums, np.float64)
    result = {"step": run.step, "samples": given.samples, "images": len(source)}
    for name, total in zip(("plain", "sampled"), totals, strict=True):
        found = scores(total.matrix)
        kept = ("mean_iou", "mean_accuracy", "pixel_accuracy")
        result[name] = {key: float(found[key]) for key in kept}
        print(name, "  ".join(f"{key} {result[name][key]:.4f}" for key in kept))
    right, wrong = entropies[:, 0] / entropies[:, 1]
    result["entropy"] = {"right": right, "wrong": wrong}
    print(
        f"predictive entropy: right pixels {right:.3f}, wrong pixels {wrong:.3f} nats"
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
