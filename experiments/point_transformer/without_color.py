"""What does a trained run score when the colors of a room are dealt out anew?

    python experiments/point_transformer/without_color.py runs/point_transformer

Every validation room keeps its points; their colors are permuted at random, so that
they say nothing of where the points lie. Prints the table of both scores.
"""

from __future__ import annotations

import sys

import numpy as np

from jaxseg.data import Clouds, open_clouds
from jaxseg.metrics import scores, table
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec
from jaxseg.tasks.evaluation import count
from jaxseg.training.devices import selection


def shuffled(source: Clouds, seed: int = 0) -> Clouds:
    """The same clouds with their colors permuted."""
    rng = np.random.default_rng(seed)
    examples = [source[index] for index in range(len(source))]
    for example in examples:
        example["color"] = rng.permutation(example["color"])
    return Clouds(examples, source.spec, workers=source.workers)


def main(workdir: str) -> None:
    """Scores the best checkpoint twice."""
    config, spec = read_config(workdir), read_spec(workdir)
    model = build_model(config, spec.num_classes)
    _, variables = load_variables(workdir, model)
    source = open_clouds(config.data, config.data.eval_split)
    for name, clouds in (("as they are", source), ("shuffled", shuffled(source))):
        total = count(
            config,
            spec,
            model,
            variables,
            clouds,
            batch_size=config.train.eval_batch_size,
            chosen=selection.choose(1),
        )
        print(f"colors {name}\n{table(scores(total.matrix), spec.classes)}")


if __name__ == "__main__":
    main(sys.argv[1])
