"""What do holes in the receptive field cost on structures of 1 to 3 pixels?

    python -m experiments.gridding.train --data data
    python -m experiments.gridding.effects
    python -m experiments.figures gridding

In the scenes of the dataset "specks", the class of an object is the color of a speck of
1 to 3 pixels at a distance of 5 to 9 pixels in any direction. All networks have a first
layer, three 3x3 layers with the rates of a plan and a 1x1 classifier. The four plans
have the same receptive field, parameters and arithmetic, and differ in the coverage of
the field. The first layer has a kernel of 1x1, so that the plan alone reads the
surroundings, or of 3x3, as every backbone has such layers before its atrous layers.

Each line of results.jsonl also has the accuracy that counting predicts: an object's
pixel whose field reads a pixel of the speck is right, every other one in half of the
cases. The results of finished runs are kept if the command is given again.
"""

from __future__ import annotations

import argparse
import functools
import time
from pathlib import Path

import jax
import numpy as np
import optax
from flax import linen as nn
from scipy import ndimage

from experiments.learned_rates.train import step
from jaxseg.analysis import coverage
from jaxseg.analysis.atrous.gridding import touched
from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.data.drawings.specks import SIZES, SPECK
from jaxseg.nn import Conv, ConvNormAct
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line

HERE = Path(__file__).parent
PLANS = ((4, 4, 4), (2, 4, 6), (3, 4, 5), (1, 3, 8))
FIRST, SEEDS = (1, 3), range(3)
WIDTH, STEPS, BATCH = 16, 300, 8


class Network(nn.Module):
    """Maps images to logits with three layers of given rates."""

    rates: tuple[int, ...]
    first: int  # the kernel of the first layer

    @nn.compact
    def __call__(self, x, *, train):
        x = ConvNormAct(WIDTH, kernel=self.first, name="first")(x, train=train)
        for number, rate in enumerate(self.rates):
            x = ConvNormAct(WIDTH, rate=rate, name=f"far{number}")(x, train=train)
        return Conv(3, kernel=1, name="classifier")(x)


def arrays(variant, split, folder):
    """Returns the images, uint8, and the labels of a split."""
    source = open_source(
        DataConfig("specks", variant=(variant,), prepared_dir=folder), split
    )
    examples = [source[k] for k in range(len(source))]
    return [np.stack([e[key] for e in examples]) for key in ("image", "label")]


def normalized(images):
    """Returns the input of the networks for images of 8 bits."""
    return (images.astype(np.float32) - 128) / 64


@functools.cache
def compiled(network, steps):
    """Returns the optimizer, the update and the predicted colors, compiled once."""
    tx = optax.adam(optax.cosine_decay_schedule(5e-3, steps))
    update = jax.jit(functools.partial(step, network=network, tx=tx))
    logits = lambda v, x: network.apply(v, x, train=False)[..., 1:].argmax(-1) + 1
    return tx, update, jax.jit(logits)


def train(network, seed, data, steps):
    """Trains a network, and returns a function that predicts the color of pixels."""
    images, labels = data
    random = np.random.default_rng(seed)
    variables = network.init(jax.random.key(seed), images[:1], train=True)
    tx, update, predict = compiled(network, steps)
    state = {"params": variables["params"], "stats": variables["batch_stats"]}
    state["optimizer"] = tx.init(state["params"])
    for _ in range(steps):
        chosen = random.integers(0, len(images), BATCH)
        x, y = images[chosen], labels[chosen]
        if random.random() < 0.5:  # All directions are alike.
            x, y = x.swapaxes(1, 2), y.swapaxes(1, 2)
        rows, columns = random.choice([-1, 1], 2)
        state = update(state, x[:, ::rows, ::columns], y[:, ::rows, ::columns])
    found = {"params": state["params"], "batch_stats": state["stats"]}
    return functools.partial(predict, found)


def visible(images, rates):
    """Returns whether the field of each pixel reads a pixel of a speck, [N, H, W]."""
    colors = np.array(list(SPECK.values()))
    apart = np.abs(images[..., None, :].astype(int) - colors).max(-1)
    specks = (apart < 40).any(-1)
    line = touched(rates)
    reads = np.outer(line, line)[None]
    return ndimage.binary_dilation(specks, structure=reads)


def shares(right, labels):
    """Returns the share of right pixels among the objects of each image."""
    objects = labels > 0
    return ((right * objects).sum((1, 2)) / objects.sum((1, 2))).round(4).tolist()


def scored(network, predict, validation):
    """Returns the accuracies for each size of specks, and those that counts predict."""
    own = (1,) if network.first == 3 else ()
    found = {}
    for side, (images, labels) in validation.items():
        predicted = np.concatenate(
            [np.asarray(predict(part)) for part in np.split(normalized(images), 10)]
        )
        accuracy = shares(predicted == labels, labels)
        seen = visible(images, (*own, *network.rates))
        counted = float(np.mean(shares(0.5 + 0.5 * seen, labels)))
        found[f"size{side}"] = {
            "accuracy": float(np.mean(accuracy)),
            "counted": counted,
            "by_image": accuracy,
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="folder of the prepared data")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--first", type=int, nargs="+", default=list(FIRST))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--output", type=Path, default=HERE / "results.jsonl")
    options = parser.parse_args()
    images, labels = arrays("sizes1to3", "train", options.data)
    training = normalized(images), labels.astype(np.int32)
    validation = {n: arrays(f"size{n}", "validation", options.data) for n in SIZES}
    done = options.output.read_text() if options.output.exists() else ""
    for seed in options.seeds:
        for first in options.first:
            for rates in PLANS:
                name = f"{'_'.join(map(str, rates))} after {first}x{first}"
                if f'"name": "{name}", "seed": {seed},' in done:
                    continue
                network, start = Network(rates, first), time.process_time()
                predict = train(network, seed, training, options.steps)
                row = {"name": name, "seed": seed, "rates": rates, "first": first}
                row["coverage"] = coverage((*((1,) if first == 3 else ()), *rates))
                found = scored(network, predict, validation)
                short = {k: round(v["accuracy"], 3) for k, v in found.items()}
                print(name, seed, short, time.process_time() - start, flush=True)
                row |= found | {
                    "steps": options.steps,
                    "cpu_seconds": round(time.process_time() - start, 1),
                    "command": "python -m experiments.gridding.train --data data "
                    f"--steps {options.steps} --first {first}",
                    "commit": commit(),
                    "versions": versions(),
                    "machine": machine(),
                }
                append_line(options.output, row)


if __name__ == "__main__":
    main()
