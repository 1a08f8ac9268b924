"""How many training examples does a CPU core decode and augment in a second?

    python experiments/input/bench.py [--seconds 5] [--output results.jsonl]

512x512 crops, scaled by 0.5 to 2.0, from drawn pictures with the sizes of Cityscapes
(1024x2048, as PNG of 2.3 MB and as JPEG of quality 95) and of CamVid (360x480, PNG),
with PNG labels, through `jaxseg.data` as `jaxseg train` uses it. Nothing is cached,
except in the last case, whose decoded pictures lie in memory.

Seconds are those of the process on the CPU, so that other work on the machine does not
count; `per_core` is examples per such second. Results and what follows from them for a
pod: report.md.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import platform
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import DatasetSpec, Source, train_batches
from jaxseg.data.rasters import encode_png
from jaxseg.data.training_example import train_example

CLASSES = 19
PICTURES = 8  # of each kind
BATCH = 16
CASES = (  # name, (height, width), file format, decoded pictures kept
    ("1024x2048 png", (1024, 2048), "PNG", False),
    ("1024x2048 jpeg", (1024, 2048), "JPEG", False),
    ("360x480 png", (360, 480), "PNG", False),
    ("1024x2048 cached", (1024, 2048), "JPEG", True),
)
CONFIG = DataConfig(crop=(512, 512), scale_range=(0.5, 2.0))


def picture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Smooth colors and sensor noise, which compress like a photograph."""
    small = rng.integers(0, 256, (size[0] // 32, size[1] // 32, 3), np.uint8)
    smooth = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
    noise = rng.normal(0, 0.45, (*size, 3)).round()
    return np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)


def label(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Regions of some 60 pixels with straight and ragged borders."""
    cells = rng.integers(0, CLASSES, (size[0] // 60 + 1, size[1] // 60 + 1))
    shift = rng.integers(-3, 4, size[1]).cumsum() // 4
    rows = (np.arange(size[0])[:, None] + shift) // 60 % cells.shape[0]
    return cells[rows, np.arange(size[1]) // 60].astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    """The bytes of a file."""
    if kind == "PNG":
        return encode_png(pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()


def source(size: tuple[int, int], kind: str, *, cache: bool, workers: int) -> Source:
    """Drawn examples of one size."""
    rng = np.random.default_rng(0)
    records = [
        {
            "image": encoded(picture(rng, size), kind),
            "label": encode_png(label(rng, size)),
            "id": str(number).encode(),
        }
        for number in range(PICTURES)
    ]
    names = tuple(map(str, range(CLASSES)))
    spec = DatasetSpec("drawn", names, ((0, 0, 0),) * CLASSES)
    return Source(records, spec, cache=cache, workers=workers)


def rate(work: Callable[[int], None], seconds: float) -> dict[str, float]:
    """Calls of `work(0), work(1), ...` per second on the CPU and on the wall."""
    for number in range(PICTURES):
        work(number)
    cpu, wall, count = time.process_time(), time.perf_counter(), 0
    while time.process_time() - cpu < seconds:
        work(PICTURES + count)
        count += 1
    return {
        "per_core": round(count / (time.process_time() - cpu), 2),
        "per_wall_second": round(count / (time.perf_counter() - wall), 2),
    }


def measure(
    name: str, size: tuple[int, int], kind: str, cache: bool, seconds: float
) -> list[dict]:
    """Rows of one case: decoding, one thread's examples, batches of four threads."""
    examples = source(size, kind, cache=cache, workers=4)
    image = int(np.mean([len(r["image"]) for r in examples.records]))
    base = {"case": name, "image_bytes": image}
    rows = []
    if not cache:
        rows.append({"part": "decode"} | rate(lambda i: read(examples, i), seconds))
    rows.append(
        {"part": "example"}
        | rate(lambda i: train_example(examples, CONFIG, 0, i), seconds)
    )
    batches = train_batches(examples, CONFIG, seed=0, batch_size=BATCH)
    next(batches)
    cpu, wall = time.process_time(), time.perf_counter()
    taken = 0
    for _ in itertools.takewhile(
        lambda _: time.process_time() - cpu < seconds, itertools.count()
    ):
        next(batches)
        taken += BATCH
    rows.append(
        {
            "part": "batches, 4 threads",
            "per_core": round(taken / (time.process_time() - cpu), 2),
            "per_wall_second": round(taken / (time.perf_counter() - wall), 2),
        }
    )
    batches.close()
    return [base | row for row in rows]


def read(examples: Source, number: int) -> None:
    """Decodes image and label."""
    examples[number % PICTURES]


def main() -> None:
    """Prints one JSON line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--output")
    given = parser.parse_args()
    machine = {"processor": platform.processor() or platform.machine()}
    machine |= {"python": platform.python_version(), "numpy": np.__version__}
    machine["pillow"] = Image.__version__
    for case in CASES:
        for row in measure(*case, given.seconds):
            line = json.dumps(row | machine)
            print(line, flush=True)
            if given.output:
                with open(given.output, "a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
