"""Do layers that learn their rate find the distance that decides a class?

    python experiments/learned_rates/train.py --distances 8 12 --data data
    python -m experiments.figures learned_rates

In the scenes of the dataset "distance", equal squares have the class of a colored mark
that is a fixed number of pixels away. The network has a 3x3 convolution, one layer
whose rate is learned or fixed, a 1x1 convolution and a 1x1 classifier. Only this one
layer can read the mark, and only if its rate is near the distance.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.nn import (
    ContinuousRate,
    Conv,
    ConvNormAct,
    LearnedRateConvNormAct,
    RateChoice,
)
from jaxseg.runs.provenance import commit, machine
from jaxseg.storage.json_file import write_lines

HERE = Path(__file__).parent
CANDIDATES = tuple(range(2, 18, 2))
WIDTH = 8
GROUND_WEIGHT = 0.05  # Objects cover few pixels.
SEEDS, CONTROL_SEEDS = range(10), range(3)


@dataclasses.dataclass(frozen=True)
class Training:
    """Holds the length of a training.

    Attributes:
      steps: The number of steps.
      batch: The number of images of a step.
    """

    steps: int = 100
    batch: int = 4


SHORT, LONG = Training(), Training(400, 8)


class Network(nn.Module):
    """Maps images to logits with one layer of a learned or fixed rate."""

    rate: int | RateChoice | ContinuousRate

    @nn.compact
    def __call__(self, x, *, train):
        x = ConvNormAct(WIDTH, name="stem")(x, train=train)
        if isinstance(self.rate, int):
            far = ConvNormAct(WIDTH, rate=self.rate, name="far")
        else:
            far = LearnedRateConvNormAct(WIDTH, self.rate, name="far")
        x = far(x, train=train)
        x = ConvNormAct(2 * WIDTH, kernel=1, name="mix")(x, train=train)
        return Conv(3, kernel=1, name="classifier")(x)


def arrays(distance, split, folder):
    """Returns images, normalized, and labels of a split."""
    config = DataConfig(
        "distance", variant=(f"distance{distance}",), prepared_dir=folder
    )
    source = open_source(config, split)
    examples = [source[k] for k in range(len(source))]
    images, labels = (
        np.stack([e[key] for e in examples]) for key in ("image", "label")
    )
    return (images.astype(np.float32) - 128) / 64, labels.astype(np.int32)


def is_rate(path, _):
    """Returns the group of a parameter: the rates learn faster than the weights."""
    return "rate" if path[-1].key in ("rate_logits", "rate") else "weights"


@functools.cache
def compiled(network):
    """Returns the optimizer, the update and the logits of a network, compiled once."""
    group = functools.partial(jax.tree_util.tree_map_with_path, is_rate)
    tx = optax.multi_transform(
        {"weights": optax.adam(5e-3), "rate": optax.adam(5e-2)}, group
    )
    update = jax.jit(functools.partial(step, network=network, tx=tx))
    return tx, update, jax.jit(lambda v, x: network.apply(v, x, train=False))


def step(state, images, labels, *, network, tx):
    """Returns the state after one update."""

    def loss(params):
        variables = {"params": params, "batch_stats": state["stats"]}
        logits, new = network.apply(
            variables, images, train=True, mutable=["batch_stats"]
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        weights = jnp.where(labels > 0, 1.0, GROUND_WEIGHT)
        return (losses * weights).sum() / weights.sum(), new["batch_stats"]

    gradients, stats = jax.grad(loss, has_aux=True)(state["params"])
    updates, optimizer = tx.update(gradients, state["optimizer"])
    params = optax.apply_updates(state["params"], updates)
    return {"params": params, "stats": stats, "optimizer": optimizer}


def train(rate, seed, data, training, initial=None):
    """Trains one network and returns its variables and a score.

    `initial` is the rate at the start for a continuous rate.

    The score is the share of object pixels of the validation images whose predicted
    class, red or green mark, is right.
    """
    (images, labels), (val_images, val_labels) = data
    network, random = Network(rate), np.random.default_rng(seed)
    variables = network.init(jax.random.key(seed), images[:1], train=True)
    tx, update, predict = compiled(network)
    if initial is not None:
        variables["params"]["far"]["conv"]["rate"] = jnp.asarray(initial)
    state = {"params": variables["params"], "stats": variables["batch_stats"]}
    state["optimizer"] = tx.init(state["params"])
    for _ in range(training.steps):
        chosen = random.integers(0, len(images), training.batch)
        x, y = images[chosen], labels[chosen]
        if random.random() < 0.5:  # The four directions are alike.
            x, y = x.swapaxes(1, 2), y.swapaxes(1, 2)
        rows, columns = random.choice([-1, 1], 2)
        state = update(state, x[:, ::rows, ::columns], y[:, ::rows, ::columns])
    found = {"params": state["params"], "batch_stats": state["stats"]}
    logits = predict(found, val_images)
    right = np.asarray(logits)[..., 1:].argmax(-1) + 1 == val_labels
    return found, float(right[val_labels > 0].mean())


def learned(rate, variables):
    """Returns the rate of the layer after training."""
    if isinstance(rate, int):
        return float(rate)
    own = variables["params"]["far"]["conv"]
    if isinstance(rate, RateChoice):
        return float(rate.candidates[int(own["rate_logits"].argmax())])
    return float(np.clip(own["rate"], 0, rate.largest))


def runs(distances):
    """Yields the runs: name, rate, seed, distance, training, first rate or None."""
    largest = max(CANDIDATES)
    for distance in distances:
        for seed in SEEDS:
            choice = RateChoice(CANDIDATES, steps=70, last=0.1)
            yield "choice", choice, seed, distance, SHORT, None
        for seed in SEEDS:
            choice = RateChoice(CANDIDATES, steps=280, last=0.5)
            yield "slow choice", choice, seed, distance, LONG, None
        for seed in CONTROL_SEEDS:
            yield "fixed at 1", 1, seed, distance, SHORT, None
            yield "fixed at the distance", distance, seed, distance, SHORT, None
        for seed in SEEDS:
            first = float(np.random.default_rng(seed).uniform(2, largest))
            rate = ContinuousRate(1.0, largest)
            yield "continuous", rate, seed, distance, SHORT, first


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--distances", type=int, nargs="+", default=[8])
    parser.add_argument("--names", nargs="+", help="only these networks")
    parser.add_argument("--data", help="folder of the prepared data")
    parser.add_argument("--seeds", type=int, nargs="+", help="only these seeds")
    parser.add_argument("--output", type=Path, default=HERE / "results.jsonl")
    options = parser.parse_args()
    about, rows, loaded = {"commit": commit(), "machine": machine()}, [], {}
    for name, rate, seed, distance, training, first in runs(options.distances):
        if options.names and name not in options.names:
            continue
        if options.seeds and seed not in options.seeds:
            continue
        if distance not in loaded:
            splits = ("train", "validation")
            loaded[distance] = [arrays(distance, s, options.data) for s in splits]
        start = time.perf_counter()
        variables, score = train(rate, seed, loaded[distance], training, first)
        found = learned(rate, variables)
        row = {"name": name, "distance": distance, "seed": seed, "rate": found}
        if first is not None:
            row["initial"] = first
        row |= {
            "within_one_step": abs(found - distance) <= CANDIDATES[1] - CANDIDATES[0],
            "object_accuracy": score,
            "steps": training.steps,
            "seconds": time.perf_counter() - start,
        }
        rows.append(row | about)
        print({k: v for k, v in row.items() if k != "steps"}, flush=True)
        write_lines(options.output, rows)


if __name__ == "__main__":
    main()
