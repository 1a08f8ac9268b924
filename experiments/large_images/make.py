"""Writes images and runs for the measurements of this folder.

    python experiments/large_images/make.py FOLDER 2048 5000 20000

writes FOLDER/run, a run of a compact U-Net with 19 classes and random weights, and
FOLDER/N.tif, tiled and georeferenced RGB images of N x N pixels.
"""

import sys
from pathlib import Path

import jax
import numpy as np
import tifffile

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.runs.directory import build_model, write_run
from jaxseg.viz import colormap

CLASSES = 19
CONFIG = Config(model=ModelConfig("unet", {"width": 4, "depth": 3}))
SPEC = DatasetSpec(
    name="large",
    classes=tuple(f"class {k}" for k in range(CLASSES)),
    palette=tuple(map(tuple, colormap(CLASSES).tolist())),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)
TILE = 512
# The tags of a GeoTIFF: pixels of 0.25 m in the coordinate system EPSG:32633.
GEO = (
    (33550, 12, 3, (0.25, 0.25, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 500_000.0, 4_000_000.0, 0.0), True),
    (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633), True),
)


def write_weights(folder: Path) -> None:
    """Writes a run whose weights are drawn at random, so that all classes occur."""
    write_run(folder, CONFIG, SPEC)
    model = build_model(CONFIG, CLASSES)
    image = np.zeros((1, 64, 64, 3), np.float32)
    variables = jax.jit(lambda key: model.init(key, image, train=False))(
        jax.random.key(0)
    )
    with Checkpoints(folder / "ckpt") as checkpoints:
        checkpoints.save(1, variables, meta={}, metrics={"mean_iou": 0.0})
        checkpoints.wait()


def tiles(size: int):
    """Yields tiles of smooth waves with noise. They repeat after 4 x 4 tiles."""
    period = 4
    kinds = {}
    for top in range(0, size, TILE):
        for left in range(0, size, TILE):
            place = (top // TILE % period, left // TILE % period)
            if place not in kinds:
                kinds[place] = _tile(*place)
            yield kinds[place]


def _tile(row: int, column: int) -> np.ndarray:
    random = np.random.default_rng((row, column))
    y, x = np.mgrid[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
    y, x = y / 97.0, x / 97.0
    waves = [np.sin(y * (k + 1) + k) * np.cos(x * (3 - k)) for k in range(3)]
    noise = random.normal(0, 12, (TILE, TILE, 3))
    return np.clip(127 + 90 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder / "run")
    for size in map(int, sys.argv[2:]):
        tifffile.imwrite(
            folder / f"{size}.tif",
            tiles(size),
            shape=(size, size, 3),
            dtype=np.uint8,
            tile=(TILE, TILE),
            compression="adobe_deflate",
            compressionargs={"level": 1},
            photometric="rgb",
            extratags=GEO,
            metadata=None,
            maxworkers=1,
        )


if __name__ == "__main__":
    main()
