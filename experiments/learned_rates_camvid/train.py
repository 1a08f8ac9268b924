"""Are learned atrous rates as good as the rates 6, 12, 18 on CamVid?

    python experiments/learned_rates_camvid/train.py --data CAMVID

Both networks are DeepLab v3 on a narrow ResNet at output stride 8, for images of half
resolution. The three atrous layers of the pyramid have the rates 6, 12, 18 ("fixed"),
or each of them chooses one of the candidates ("learned") with the slow schedule of the
study learned_rates: the temperature falls from 1 to 0.5 in the first 70 % of the steps.
Everything else is equal. The results of finished runs are kept if the command is given
again.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import time
from pathlib import Path

import jax
import numpy as np

from jaxseg import create_model, losses
from jaxseg.config import Config, DataConfig, LossConfig, OptimConfig, TrainConfig
from jaxseg.data import class_frequencies, eval_batches, open_source, train_batches
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.metrics import ConfusionTotal, scores
from jaxseg.nn import RateChoice, hardened_rates
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line
from jaxseg.tasks.training import image_augmentation
from jaxseg.training.optim import optimizers
from jaxseg.training.step import steps
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state

HERE = Path(__file__).parent
FIXED, CANDIDATES = (6, 12, 18), (1, 3, 6, 12, 18)
STEPS, SEEDS = 150, range(3)
CONFIG = Config(
    data=DataConfig(
        "camvid",
        crop=(180, 240),
        scale_range=(0.4, 0.8),  # A scale of 0.5 is half resolution.
        eval_scale=0.5,
        color_jitter=0.2,
    ),
    optim=OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20),
    loss=LossConfig(class_weights="sqrt_median_frequency"),
    train=TrainConfig(steps=STEPS, batch_size=8, eval_batch_size=4),
)
NARROW = {"width": 8, "blocks": (1, 1, 1, 1), "features": 32, "output_stride": 8}


def network(name, total):
    """Returns the network of a name, for a training of some number of steps."""
    choice = RateChoice(CANDIDATES, steps=round(0.7 * total), last=0.5)
    rates = (choice,) * len(FIXED) if name == "learned" else FIXED
    options = {"rates": rates, "refine": False, **NARROW}
    return create_model("deeplabv3_resnet50", 11, **options)


def optimizer(name, total):
    """Returns the optimizer: rates learn ten times as fast as weights."""
    faster = ((r".*/rate_logits", 10.0),) if name == "learned" else ()
    return optimizers.build(
        dataclasses.replace(CONFIG.optim, lr_multipliers=faster), total
    )[0]


@functools.cache
def compiled(name, total, spec, pixels):
    """Returns the network, the optimizer, the step and the evaluation, compiled."""
    model, tx = network(name, total), optimizer(name, total)
    objective = losses.build_objective(
        CONFIG.loss, class_pixels=pixels, void=spec.void, axis_name=None
    )
    options = StepOptions(prepare=image_augmentation(CONFIG, spec), void=spec.void)
    step = functools.partial(
        steps.train_step, model=model, tx=tx, loss_fn=objective, options=options
    )
    labels = ImageNetwork(model, spec, scale=CONFIG.data.eval_scale).labels
    evaluate = functools.partial(
        steps.eval_step,
        predict=lambda variables, batch: labels(variables, batch["image"]),
        num_classes=spec.num_classes,
    )
    return model, tx, jax.jit(step, donate_argnums=0), jax.jit(evaluate)


def train(name, seed, data, total):
    """Trains one network, and returns its variables and its confusion matrix."""
    training, validation, pixels = data
    model, tx, step, evaluate = compiled(name, total, training.spec, pixels)
    state = create_state(model, tx, seed=seed, image_shape=(1, *CONFIG.data.crop, 3))
    batches = train_batches(
        training, CONFIG.data, seed=seed, batch_size=CONFIG.train.batch_size
    )
    for number, batch in zip(range(total), batches, strict=False):
        state, found = step(state, batch)
        if number % 50 == 0:
            print(name, seed, number, float(found["loss"]), flush=True)
    matrices = ConfusionTotal(training.spec.num_classes)
    for batch in eval_batches(
        validation, batch_size=CONFIG.train.eval_batch_size, multiple=1
    ):
        matrices.add(evaluate(state.variables(), batch))
    return state.variables(), matrices.matrix


def shares(variables):
    """Returns the softmax of the logits of each layer's candidates."""
    found = []
    for number in range(1, len(FIXED) + 1):
        own = variables["params"]["head"]["aspp"][f"branch{number}"]["dense"]["conv"]
        found.append(np.asarray(jax.nn.softmax(own["rate_logits"])).round(4).tolist())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of CamVid")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, default=HERE / "results.jsonl")
    options = parser.parse_args()
    config = dataclasses.replace(CONFIG.data, raw_dir=options.data)
    data = [open_source(config, split) for split in ("train", "validation")]
    pixels = tuple(int(n) for n in class_frequencies(data[0]).pixels)
    done = options.output.read_text() if options.output.exists() else ""
    for seed in SEEDS:
        for name in ("fixed", "learned"):
            if f'"name": "{name}", "seed": {seed},' in done:
                continue
            start = time.process_time()
            variables, matrix = train(name, seed, (*data, pixels), options.steps)
            found = scores(matrix)
            row = {"name": name, "seed": seed, "mean_iou": found["mean_iou"]}
            row["rates"] = FIXED
            if name == "learned":
                rates = network(name, options.steps).head.aspp.rates
                aspp = variables["params"]["head"]["aspp"]
                row["rates"] = hardened_rates(rates, aspp)
                row["shares"] = shares(variables)
            row |= {
                "pixel_accuracy": found["pixel_accuracy"],
                "iou": found["iou"].round(4).tolist(),
                "steps": options.steps,
                "cpu_seconds": round(time.process_time() - start, 1),
                "command": "python experiments/learned_rates_camvid/train.py "
                f"--data CAMVID --steps {options.steps}",
                "commit": commit(),
                "versions": versions(),
                "machine": machine(),
            }
            append_line(options.output, row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
