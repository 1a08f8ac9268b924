"""What does `jaxseg train --lab.every N` cost?

    python experiments/field_cost/measure.py parts narrow middle
    python experiments/field_cost/measure.py host

"parts" measures the CPU seconds of a training step and of a measurement of the
effective receptive field in one process, and computes the smallest N at which the
measurements take less than 2 % of the time of the steps. "host" measures the part of a
measurement that NumPy and Pillow do, for large crops.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path

import jax
import numpy as np

from jaxseg.config import Config, DataConfig, LabConfig, ModelConfig, TrainConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.lab.training_field import (
    WINDOW,
    field_picture,
    field_values,
    grid_values,
    training_field,
)
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line
from jaxseg.tasks import segmentation
from jaxseg.training.devices.placement import on_one_device

HERE = Path(__file__).parent
NARROW = {"width": 8, "blocks": (1, 1, 1, 1), "features": 32}
SETTINGS = {  # options of DeepLab v3+ on a ResNet-50, crop, batch
    "narrow": (NARROW, (96, 128), 8),
    "middle": ({}, (96, 128), 8),
    "large": ({}, (256, 256), 4),
}
LIMIT = 0.02  # of the time of the steps
EVERY = 20  # any number above 0


def config_of(name):
    """Returns the configuration of a setting."""
    options, crop, batch = SETTINGS[name]
    return Config(
        ModelConfig("deeplabv3plus_resnet50", options),
        DataConfig("shapes", crop=crop),
        train=TrainConfig(steps=1000, batch_size=batch),
        lab=LabConfig(every=EVERY),
    )


def seconds(call, count):
    """Returns the CPU seconds of a first call, and the median of further ones."""
    found = []
    for _ in range(count + 1):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return found[0], statistics.median(found[1:])


def parts(name):
    """Returns the record of a setting."""
    config, spec = config_of(name), DATASETS["shapes"].spec
    training = segmentation.build(config, spec, jax.devices()[:1])
    state = [training.runner.place(training.new_state())]
    random, size = np.random.default_rng(0), config.train.batch_size
    shape = (size, *config.data.crop)
    batch = {
        "image": random.integers(0, 256, (*shape, 3)).astype(np.uint8),
        "label": random.integers(0, 7, shape).astype(np.uint8),
        "seed": np.arange(size, dtype=np.uint32),
        "index": np.arange(size, dtype=np.int32),
    }

    def step():
        state[0], metrics = training.runner.train(state[0], batch)
        jax.block_until_ready(metrics)

    measure = training_field(config, spec)
    variables = on_one_device(state[0].variables())
    count = 10 if name == "narrow" else 3
    first, each = seconds(lambda: measure(variables), 10)
    compiled, of_step = seconds(step, count)
    return {
        "question": "parts",
        "name": name,
        "crop": config.data.crop,
        "batch": size,
        "step": of_step,
        "measurement": each,
        "first_measurement": first,
        "first_step": compiled,
        "smallest_every": math.ceil(each / of_step / LIMIT),
    }


def on_the_host(side):
    """Returns the record of the work outside of the network for large crops."""
    random = np.random.default_rng(0)
    field = random.random((side, side))
    logits = random.normal(size=(1, WINDOW, WINDOW, 19)).astype(np.float32)

    def work():
        field_values(field), grid_values(logits), field_picture(field, logits)

    _, each = seconds(work, 5)
    return {"question": "host", "crop": (side, side), "classes": 19, "seconds": each}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("question", choices=("parts", "host"))
    parser.add_argument("names", nargs="*", help="of the parts: narrow, middle, large")
    parser.add_argument("--output", type=Path, default=HERE / "results.jsonl")
    options = parser.parse_args()
    about = {"commit": commit(), "versions": versions(), "machine": machine()}
    words = " ".join([options.question, *options.names])
    about["command"] = f"python experiments/field_cost/measure.py {words}"
    for name in options.names:
        append_line(options.output, parts(name) | about)
    if options.question == "host":
        append_line(options.output, on_the_host(513) | about)


if __name__ == "__main__":
    main()
