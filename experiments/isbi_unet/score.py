"""Pixel error and foreground-restricted Rand score of an ISBI run, slice by slice.

    python experiments/isbi_unet/score.py RUN [ISBI]

Objects are the 4-connected components of `p(cell) > threshold`. As in the challenge,
the best threshold counts too; it is one threshold for all slices. The true borders are
not thinned (jaxseg/metrics/rand.py). The last line is JSON.
"""

from __future__ import annotations

import json
import sys

import jax
import numpy as np

import jaxseg
from jaxseg.data import Source, open_source
from jaxseg.metrics.rand import components, pair_counts, rand_score
from jaxseg.ops.preprocess import preprocess

THRESHOLDS = (*(round(0.05 * k, 2) for k in range(1, 20)), 0.97, 0.98, 0.99, 0.995)
CELL = 1


def main(argv: list[str]) -> None:
    """Scores the run named on the command line on its validation split."""
    workdir, *path = argv
    run = jaxseg.open_run(workdir, data={"path": path[0]} if path else None)
    source = open_source(run.config.data, run.config.data.eval_split)
    network = jax.jit(
        lambda x: jax.nn.softmax(run.model.apply(run.variables, x)["logits"])
    )
    maps = [cell_probability(network, source, k) for k in range(len(source))]
    truths = [source.label(k) for k in range(len(source))]
    report(source, maps, truths, run.step)


def cell_probability(network, source: Source, index: int) -> np.ndarray:
    """p(cell) of one slice, [H, W]."""
    image = preprocess(source[index]["image"][None], source.spec)
    return np.asarray(network(image))[0, ..., CELL]


def rand_at(maps, truths, threshold: float):
    """Rand scores of all slices together, and of each, at one threshold."""
    counts = [
        pair_counts(components(cell > threshold), components(truth == CELL))
        for cell, truth in zip(maps, truths, strict=True)
    ]
    return rand_score(counts), [rand_score(one).score for one in counts]


def report(source: Source, maps, truths, step: int) -> None:
    """Prints a line per slice and the totals."""
    errors = [
        float(((cell > 0.5) != (truth == CELL)).mean())
        for cell, truth in zip(maps, truths, strict=True)
    ]
    at_half, each = rand_at(maps, truths, 0.5)
    by_threshold = {t: rand_at(maps, truths, t)[0] for t in THRESHOLDS}
    best = max(by_threshold, key=lambda t: by_threshold[t].score)
    all_cell, _ = rand_at([np.ones_like(cell) for cell in maps], truths, 0.5)
    for name, error, score in zip(source.ids, errors, each, strict=True):
        print(f"slice {name:>2}  pixel error {error:.4f}  Rand score {score:.4f}")
    result = {
        "step": step,
        "slices": source.ids,
        "pixel_error": np.mean(errors),
        "rand_at_half": at_half._asdict(),
        "rand_at_best": by_threshold[best]._asdict() | {"threshold": best},
        "all_cell": {
            "pixel_error": np.mean([(truth != CELL).mean() for truth in truths]),
            "rand": all_cell.score,
        },
    }
    print(json.dumps(result, default=float))


if __name__ == "__main__":
    main(sys.argv[1:])
