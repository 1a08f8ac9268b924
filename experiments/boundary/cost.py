"""Measures how much longer an evaluation takes if it also computes further scores.

    python experiments/boundary/cost.py RUN --raw-dir CAMVID

Evaluations with and without all groups of scores alternate, without the time of the
compilation. The CPU time of each group alone is measured in one thread. RUN is a
trained run on CamVid, whose predictions have boundaries as smooth as those of a good
network. A network of realistic size, DeepLab v3 with ResNet-50, computes beside it; its
predictions, with random weights, are not used.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp

import jaxseg
from jaxseg.data import eval_batches, open_source
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.tasks.image_scores.groups import GROUPS
from jaxseg.tasks.image_scores.score_set import choose_scores
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run import evaluate
from jaxseg.training.run.observation import Observation, Observed
from jaxseg.training.step import steps


def build(run, name: str):
    """Returns the evaluation step with both networks, and their variables."""
    network = ImageNetwork(run.model, run.spec, scale=run.config.data.eval_scale)
    variables = {"run": run.variables}
    large = None
    if name != "none":
        model = jaxseg.create_model(name, num_classes=run.spec.num_classes)
        large = ImageNetwork(model, run.spec)
        image = jnp.zeros((1, 64, 64, 3))
        init = jax.jit(functools.partial(model.init, train=False))
        variables["large"] = init(jax.random.key(0), image)

    def predict(variables, batch):
        label = network.labels(variables["run"], batch["image"])
        if large is None:
            return label
        logits = large.logits(variables["large"], batch["image"])
        # Never true, but the compiler cannot know it.
        return label + (logits.max() == jnp.inf).astype(label.dtype)

    step = functools.partial(
        steps.eval_step,
        predict=predict,
        num_classes=run.spec.num_classes,
        void=run.spec.void,
    )
    return step, variables


def measure(run, source, runner, placed, names: Sequence[str]) -> tuple[float, float]:
    """Returns the seconds of wall time and of CPU time of one evaluation."""
    chosen = choose_scores(names, run.config, run.spec)
    options = {"num_classes": run.spec.num_classes, "ids": source.ids}
    batches = list(eval_batches(source, batch_size=2, multiple=1))
    wall, cpu = time.perf_counter(), time.process_time()
    with Observation(
        chosen.observers, ids=source.ids, void=run.spec.void, sizes=source.sizes
    ) as observation:
        if not names:
            evaluate.count(placed, batches, runner.count, **options)
        else:
            total = evaluate.count(
                placed, batches, runner.observe, observe=observation.add, **options
            )
            results = observation.results()
            chosen.combine(total.matrix, results[0] if chosen.observes else ())
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Prints one line of JSON for each group of scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--raw-dir")
    parser.add_argument("--prepared-dir")
    parser.add_argument("--network", default="deeplabv3_resnet50")
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    folders = {"raw_dir": options.raw_dir, "prepared_dir": options.prepared_dir}
    run = jaxseg.open_run(
        options.run, data={k: v for k, v in folders.items() if v is not None}
    )
    source = open_source(run.config.data, f"validation[:{options.images}]")
    step, variables = build(run, options.network)
    runner = StepRunner(None, step, kind="jit", devices=jax.devices()[:1])
    placed = runner.place(variables)
    once = functools.partial(measure, run, source, runner, placed)
    groups = [name for name in GROUPS if name not in ("category", "binary")]
    once([]), once(groups)  # compilation
    found = [(once([]), once(groups)) for _ in range(options.pairs)]
    seconds = statistics.median(plain[1] for plain, _ in found) / len(source)
    for k, kind in enumerate(("wall", "cpu")):
        ratio = statistics.median(more[k] / plain[k] for plain, more in found)
        row = {"ratio": kind, "network": options.network, "value": round(ratio, 3)}
        print(json.dumps(row), flush=True)
    examples = [example_of(run, source, k) for k in range(len(source))]
    for names in (*([name] for name in groups), groups):
        own = cpu_seconds(choose_scores(names, run.config, run.spec), examples)
        row = {
            "scores": names[0] if len(names) == 1 else "all",
            "seconds_per_image": round(own, 4),
            "network": options.network,
            "network_seconds_per_image": round(seconds, 3),
            "share": round(own / seconds, 4),
        }
        print(json.dumps(row), flush=True)


def example_of(run, source, index: int) -> Observed:
    """Returns an image as observers receive it."""
    example = source[index]
    prediction = run.predict(example["image"]).labels.astype(example["label"].dtype)
    name, void = example["id"], run.spec.void
    return Observed(index, name, {}, example["label"], prediction, void)


def cpu_seconds(chosen, examples: Sequence[Observed], repeats: int = 3) -> float:
    """Returns the CPU time per image that scores take, the least of several times."""
    found = []
    for _ in range(repeats):
        start = time.thread_time()
        for example in examples:
            chosen.measure(example)
        found.append(time.thread_time() - start)
    return min(found) / len(examples)


if __name__ == "__main__":
    main()
