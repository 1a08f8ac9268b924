"""The six commands that `kills.py` kills, on tiny settings, and what they read."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import jaxseg
from jaxseg import weights
from jaxseg.weights.catalog.maps import torchvision_lraspp
from jaxseg.weights.model_variables import variable_shapes

JAXSEG = (str(Path(sys.executable).with_name("jaxseg")),)
NETWORK = (
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--data.crop", "32", "48", "--train.ema=0.9", "--train.log-every=1",
)  # fmt: skip
SHAPES = ("--data.train-split=train[:24]", "--data.eval-split=validation[:6]")
TRAIN = (
    "train", *NETWORK, *SHAPES, "--train.batch-size=4", "--train.steps=40",
    "--train.eval-every=8", "--train.save-every=3", "--train.num-overlays=1",
)  # fmt: skip
ADDRESS = "--coordinator=localhost:{port}"
TOGETHER = (
    "train", *NETWORK, *SHAPES, "--train.batch-size=8", "--train.eval-batch-size=4",
    "--train.steps=24", "--train.eval-every=8", "--train.save-every=3",
    "--train.num-overlays=1", "--workdir=run", "--heartbeat-timeout=10", ADDRESS,
    "--processes=2",
)  # fmt: skip
SWEEP = """
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig

DATA = DataConfig(
    "shapes", crop=(32, 48), train_split="train[:24]", eval_split="validation[:6]"
)
TRAIN = TrainConfig(
    steps=9, batch_size=4, eval_every=4, save_every=2, log_every=1, num_overlays=1
)
configs = {
    f"width_{w}": Config(
        ModelConfig("unet", {"width": w, "depth": 1}), DATA, train=TRAIN
    )
    for w in (2, 4)
}
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """A command, of which one process or several are started in an empty folder.

    Attributes:
      processes: The arguments of each process; `{shared}` is the folder of inputs and
        `{port}` a free port.
      done: What the command leaves, relative to the folder that it runs in. Where it
        exists, the command may refuse to run again, because its result is complete.
      bucket: Whether the run directory is in the bucket of `--address`, as `{run}`.
    """

    processes: tuple[tuple[str, ...], ...]
    done: str | None = None
    bucket: bool = False


CASES = {
    "train": Case(((*TRAIN, "--workdir=run"),)),
    "train in a bucket": Case(
        ((*TRAIN, "--train.steps=16", "--workdir={run}"),), bucket=True
    ),
    "predict": Case(
        (("predict", "{shared}/images", "-o", "masks", "--workdir={shared}/run",
          "--probabilities", "--batch-size=1"),)
    ),
    "convert in": Case(
        (("convert", "{shared}/lraspp.pth", "-o", "converted"),), done="converted"
    ),
    "convert out": Case(
        (("convert", "{shared}/run", "-o", "weights.safetensors"),)
    ),
    "sweep": Case((("sweep", "{shared}/sweep.py", "--workdir=runs", "--seeds", "0"),)),
    "prepare": Case(
        (("train", *NETWORK, "--data.name=folder", "--data.raw-dir={shared}/pairs",
          "--data.classes", "a", "b", "c", "--data.data-dir=data",
          "--train.steps=1", "--train.batch-size=4",
          "--train.num-overlays=0", "--workdir=run"),)
    ),
    "two processes": Case(
        tuple((*TOGETHER, f"--process-id={i}") for i in range(2))
    ),
}  # fmt: skip


def set_up(shared: Path, environment: dict[str, str]) -> None:
    """Makes what the commands read: images, a run, a file of torch, a sweep's file."""
    if (shared / "complete").exists():
        return
    shared.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(0)
    for i in range(16):
        _image(shared / "images" / f"{i:02}.png", dice, (96 + i % 3, 160, 3), 256)
    for split, count in (("train", 160), ("val", 16)):
        for i in range(count):
            name = f"{i:03}.png"
            _image(shared / "pairs" / split / "images" / name, dice, (180, 240, 3), 256)
            _image(shared / "pairs" / split / "masks" / name, dice, (180, 240), 3)
    (shared / "sweep.py").write_text(SWEEP)
    _torch_file(shared / "lraspp.pth")
    run = [*JAXSEG, *TRAIN, f"--workdir={shared / 'run'}", "--train.steps=8"]
    subprocess.run(run, env=environment, check=True, stdout=subprocess.DEVNULL)
    (shared / "complete").touch()


def _image(path: Path, dice: np.random.Generator, shape: tuple, top: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(dice.integers(0, top, shape, np.uint8)).save(path)


def _torch_file(path: Path) -> None:
    """A state dict of torchvision's LR-ASPP with drawn weights, saved by torch."""
    import torch

    dice = np.random.default_rng(0)
    model = jaxseg.create_model("lraspp_mobilenetv3", num_classes=21)
    variables = jax.tree.map(
        lambda leaf: dice.uniform(0.1, 1.0, leaf.shape).astype(leaf.dtype),
        variable_shapes(model),
    )
    weights.write(path, weights.to_torch(variables, torchvision_lraspp.MAP))
    torch.save(torch.load(path, weights_only=True), path)


def commands(case: Case, shared: Path, port: int, run: str) -> list[list[str]]:
    """The command line of each process; `run` is an address in a bucket."""
    given: Callable[[str], str] = lambda word: word.format(
        shared=shared, port=port, run=run
    )
    return [[*JAXSEG, *map(given, words)] for words in case.processes]
