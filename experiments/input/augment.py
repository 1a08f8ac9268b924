"""Is an augmentation faster on the host, or in the jitted step?

    JAX_PLATFORMS=cpu XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 \
        python experiments/input/augment.py [--output results.jsonl]

Crops of 512x512 pixels of 8-bit RGB on one core. The host applies each entry of
`data.augment` as in training, conversion to floating-point values and rounding
included. The jitted step applies the same formula, with `jax.numpy`, to a batch of
four crops that are floating-point values already, as in `prepare_train`. Entries whose
sizes depend on the data, and JPEG, have no form in the jitted step. Figures are
milliseconds per example of CPU time of the process, the median of the repetitions.
Results and the decision that follows from them: report.md.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import platform
import subprocess
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.scipy.ndimage import map_coordinates

from jaxseg.config import augment
from jaxseg.data.augment.entry import Scene
from jaxseg.data.augment.parsing import parse_entries
from jaxseg.data.augment.stages import change_scene, frame_of, split
from jaxseg.data.spec import DatasetSpec
from jaxseg.training.step.augment import gray

SIDE, BATCH, CLASSES, REPETITIONS = 512, 4, 19, 7
SPEC = DatasetSpec("drawn", tuple(map(str, range(CLASSES))), ((0, 0, 0),) * CLASSES)
SIGMA = 1.0  # of the blur; the host's kernel has the same four standard deviations


def scene(seed: int) -> Scene:
    """Random colors and blocks of classes."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    blocks = rng.integers(0, CLASSES, (SIDE // 32, SIDE // 32), np.uint8)
    return Scene(image, np.kron(blocks, np.ones((32, 32), np.uint8)), frame_of(SPEC))


def host_time(texts: tuple[str, ...]) -> float:
    """Milliseconds per example of a list of entries on the host."""
    _, entries = split(parse_entries(texts))
    scenes = [scene(seed) for seed in range(4)]

    def once(number: int) -> None:
        draws = lambda place: np.random.default_rng((number, place))
        change_scene(entries, scenes[number % 4], draws, lambda rng: scenes[0])

    return median(once, per_call=1)


def jit_time(function: Callable) -> float:
    """Milliseconds per example of a function of (image, label, random key)."""
    batch = [scene(seed) for seed in range(BATCH)]
    image = jnp.stack([one.image for one in batch]).astype(jnp.float32) / 255
    label = jnp.stack([one.label for one in batch])
    keys = jax.random.split(jax.random.key(0), BATCH)
    program = jax.jit(jax.vmap(function))
    return median(
        lambda _: jax.block_until_ready(program(image, label, keys)), per_call=BATCH
    )


def median(work: Callable[[int], object], per_call: int) -> float:
    """Median CPU milliseconds per example, after two calls that do not count."""
    times = []
    for number in range(REPETITIONS + 2):
        start = time.process_time()
        work(number)
        times.append(time.process_time() - start)
    return round(1000 * float(np.median(times[2:])) / per_call, 2)


def moved(image: jax.Array, label: jax.Array, places: jax.Array) -> tuple:
    """Reads image and label at places [2, H, W], like the host."""
    channels = [
        map_coordinates(image[..., k], places, order=1, mode="nearest")
        for k in range(3)
    ]
    near = jnp.clip(jnp.round(places).astype(jnp.int32), 0, SIDE - 1)
    inside = ((places > -0.5) & (places < SIDE - 0.5)).all(0)
    image = jnp.where(inside[..., None], jnp.stack(channels, -1), 0.45)
    return image, jnp.where(inside, label[near[0], near[1]], 255)


def rotate(image, label, key):
    angle = jax.random.uniform(key, minval=-0.17, maxval=0.17)
    row, column = jnp.indices((SIDE, SIDE), jnp.float32) - (SIDE - 1) / 2
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    places = jnp.stack([cos * row + sin * column, cos * column - sin * row])
    return moved(image, label, places + (SIDE - 1) / 2)


def elastic(image, label, key):
    nodes = 10 * jax.random.normal(key, (2, 3, 3))
    field = jax.image.resize(nodes, (2, SIDE, SIDE), "cubic")
    return moved(image, label, jnp.indices((SIDE, SIDE), jnp.float32) + field)


def flip(image, label, key):
    mirrored = jax.random.bernoulli(key)
    image = jnp.where(mirrored, image[:, ::-1], image)
    return image, jnp.where(mirrored, label[:, ::-1], label)


def colored(change: Callable) -> Callable:
    """A change of the image as a function of (image, label, key), clipped."""
    return lambda image, label, key: (jnp.clip(change(image, key), 0, 1), label)


def uniform(key: jax.Array, low: float = 0.8, high: float = 1.2) -> jax.Array:
    return jax.random.uniform(key, minval=low, maxval=high)


def contrast(image, key):
    factor = uniform(key)
    return factor * image + (1 - factor) * gray(image).mean()


def saturation(image, key):
    factor = uniform(key)
    return factor * image + (1 - factor) * gray(image)


def hue(image, key):
    red, green, blue = (image[..., k] for k in range(3))
    value, low = image.max(-1), image.min(-1)
    chroma = value - low
    scale = 1 / jnp.where(chroma == 0, 1, chroma)
    sector = jnp.where(
        value == red,
        (green - blue) * scale,
        jnp.where(value == green, 2 + (blue - red) * scale, 4 + (red - green) * scale),
    )
    sector += jax.random.uniform(key, minval=-0.3, maxval=0.3)
    k = (sector[..., None] + jnp.array([5.0, 3.0, 1.0])) % 6
    part = jnp.clip(jnp.minimum(k, 4 - k), 0, 1)
    return value[..., None] - chroma[..., None] * part


def blur(image, key):
    offsets = np.arange(-4, 5)
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    for axis in (0, 1):
        pad = [(4, 4) if k == axis else (0, 0) for k in range(3)]
        padded = jnp.pad(image, pad, mode="reflect")
        parts = [
            weight * jax.lax.slice_in_dim(padded, k, k + SIDE, axis=axis)
            for k, weight in enumerate(weights / weights.sum())
        ]
        image = functools.reduce(jnp.add, parts)
    return image


def noise(image, key):
    return image + 0.05 * jax.random.normal(key, image.shape)


def cutout(image, label, key):
    corner = jax.random.randint(key, (2,), 0, SIDE - 100)
    rows, columns = jnp.indices((SIDE, SIDE))
    inside = (rows >= corner[0]) & (rows < corner[0] + 100)
    inside &= (columns >= corner[1]) & (columns < corner[1] + 100)
    image = jnp.where(inside[..., None], 0.45, image)
    return image, jnp.where(inside, 255, label)


JITTED = {
    "flip": flip,
    "rotate": rotate,
    "affine": rotate,  # the same work with another matrix
    "elastic": elastic,
    "brightness": colored(lambda image, key: uniform(key) * image),
    "contrast": colored(contrast),
    "gamma": colored(lambda image, key: image ** uniform(key)),
    "saturation": colored(saturation),
    "hue": colored(hue),
    "grayscale": colored(lambda image, key: jnp.broadcast_to(gray(image), image.shape)),
    "blur": colored(blur),
    "noise": colored(noise),
    "cutout": cutout,
}
HOST = (
    *("flip", "rotate90", "rotate", "affine(degrees=10, shear=5)", "elastic"),
    *("grid_distortion", "brightness", "contrast", "gamma", "saturation", "hue"),
    *("grayscale", augment("blur", sigma=(SIGMA, SIGMA)), "noise", "jpeg", "cutout"),
    *("cut_mix", "class_mix", "copy_paste", "mosaic"),
)
TOGETHER = {
    "rotate + elastic": (("rotate", "elastic"), None),
    "brightness + contrast + saturation + hue": (
        ("brightness", "contrast", "saturation", "hue"),
        colored(
            lambda image, key: (
                hue(saturation(contrast(image, key), key), key) * uniform(key)
            )
        ),
    ),
}


def rows():
    """Yields one row per entry, and per list of several entries."""
    for text in HOST:
        name = text.partition("(")[0]
        jitted = JITTED.get(name)
        yield name, host_time((text,)), jitted and jit_time(jitted)
    for name, (texts, jitted) in TOGETHER.items():
        yield name, host_time(texts), jitted and jit_time(jitted)


def processor() -> str:
    """The name of the processor, as Linux gives it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()


def main() -> None:
    """Prints one JSON line per entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output")
    given = parser.parse_args()
    head = ("git", "rev-parse", "--short", "HEAD")
    fixed = {
        "question": "augmentation of a 512x512 crop: host or jitted step, CPU ms",
        "command": " ".join(__doc__.split("\n\n")[1].replace("\\\n", "").split()),
        "commit": subprocess.run(head, capture_output=True, text=True).stdout.strip(),
        "hardware": f"{processor()}, one core of {os.cpu_count()}",
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "jax": jax.__version__,
    }
    for name, host, jitted in rows():
        row = {"entry": name, "host_ms": host, "jitted_ms": jitted}
        line = json.dumps(fixed | row)
        print(json.dumps(row), flush=True)
        if given.output:
            with open(given.output, "a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
