"""How much CPU time does a training example take, and where is it spent?

    python experiments/input/bench.py stages|codecs|workers|scaled
        [--camvid CAMVID] [--files .png|.jpg] [--crops 200] [--output results.jsonl]

The crops have 512 x 512 pixels, at scales from 0.5 to 2, from images of 1024 x 2048.
`stages` measures each stage of an example, in the form in which jaxseg stores images
now and in the former form. `codecs` compares further ways to store images. `workers`
reads batches with threads and with 1, 2 and 4 processes. `scaled` compares JPEG
decoding at half size with resizing.

The images are mosaics of CamVid frames if CamVid is given, and drawn ones otherwise.
All times except those on the wall are CPU times of this process, so that other work on
the machine matters little. Both forms are read alternately in the same run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from unittest import mock

import numpy as np
import pictures
import pyarrow
import scaled
import ways
import workers
from clock import clocked
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import Source, open_source, rasters, tiles
from jaxseg.data.transforms import (
    Window,
    cut_image,
    cut_label,
    needed_area,
    sample_window,
)

COUNT = 8  # The number of pictures of each kind.
CROP = (512, 512)
SCALES = (0.5, 2.0)
STAGES = ("storage", "image", "label", "resize image", "resize label", "batch")
Row = dict[str, object]


def windows(count: int) -> Iterator[tuple[int, Window]]:
    """Yields the number of a picture and a crop window."""
    rng = np.random.default_rng(0)
    for number in range(count):
        window = sample_window(rng, pictures.SIZE, crop=CROP, scale_range=SCALES)
        yield number % COUNT, window


def open_both(folder: pathlib.Path) -> dict[str, Source]:
    """Prepares a folder in the present and in the former form."""
    config = DataConfig("folder", raw_dir=str(folder), crop=CROP, scale_range=SCALES)
    config = dataclasses.replace(config, cache=False)
    present = dataclasses.replace(config, prepared_dir=str(folder / "present"))
    former = dataclasses.replace(config, prepared_dir=str(folder / "former"))
    found = {"present": open_source(present, "train")}
    png = lambda pixels, **_: rasters.encode_png(pixels)
    with mock.patch.object(tiles, "encode", png):
        found["former"] = open_source(former, "train")
    return found


def read_crop(source: Source, index: int, window: Window, *, whole: bool) -> tuple:
    """Returns the crop and the time of each stage.

    Args:
      source: The examples.
      index: The index of the example.
      window: The crop window.
      whole: Whether to decode the whole image, as the former form requires.
    """
    times: list[float] = []
    opened = clocked(times, source.open, index)
    area = needed_area(window, opened.size, crop=CROP)
    if whole:
        image = clocked(times, rasters.decode, opened.record["image"])
        label = clocked(times, rasters.decode, opened.record["label"])
        area = None
    else:
        image = clocked(times, opened.image, area)
        label = clocked(times, opened.label, area)
    fill = source.spec.mean_color
    options = {"crop": CROP, "area": area}
    image = clocked(times, cut_image, image, window, fill=fill, **options)
    label = clocked(times, cut_label, label, window, **options)
    clocked(times, lambda: (np.stack([image]), np.stack([label])))
    return (image, label), times


def measure_stages(folder: pathlib.Path, raw_bytes: int, crops: int) -> list[Row]:
    """Returns one row for each form, with the median of each stage."""
    sources = open_both(folder)
    times: dict[str, list[list[float]]] = {"present": [], "former": []}
    for number, (index, window) in enumerate(windows(crops)):
        results, order = [], list(sources)
        for name in order if number % 2 else order[::-1]:
            found, stages = read_crop(
                sources[name], index, window, whole=name == "former"
            )
            results.append(found)
            times[name].append(stages)
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)
    rows = []
    for name, values in times.items():
        table = np.array(values)
        total = table.sum(1)
        stored = sum(
            path.stat().st_size
            for path in (folder / name).rglob("*-train.array_record*")
        )
        medians = dict(zip(STAGES, np.median(table, 0).round(2).tolist(), strict=True))
        rows.append(
            {
                "form": name,
                "milliseconds": medians,
                "median": round(float(np.median(total)), 2),
                "mean": round(float(total.mean()), 2),
                "percentile_90": round(float(np.percentile(total, 90)), 2),
                "crops": crops,
                "bytes_of_originals": round(stored / raw_bytes, 3),
            }
        )
    return rows


def measure_codecs(images: list[np.ndarray], crops: int, words: str) -> list[Row]:
    """Returns one row for each way to store images whose name contains some words."""
    rows = []
    png = sum(len(rasters.encode_png(image)) for image in images)
    for way in ways.ways():
        if words not in way.name:
            continue
        spent: list[float] = []
        stored = [clocked(spent, way.encode, image) for image in images]
        times: list[float] = []
        for index, window in windows(crops):
            place = index % len(images)
            area = needed_area(window, pictures.SIZE, crop=CROP)
            found = clocked(times, way.read, stored[place], area)
            np.testing.assert_array_equal(found, area.of(images[place]))
        rows.append(
            {
                "way": way.name,
                "median": round(float(np.median(times)), 2),
                "mean": round(float(np.mean(times)), 2),
                "encode": round(float(np.median(spent)), 1),
                "bytes_of_png": round(sum(map(_length, stored)) / png, 3),
                "crops": crops,
            }
        )
    return rows


def _length(stored: object) -> int:
    if isinstance(stored, bytes):
        return len(stored)
    parts = stored.values() if isinstance(stored, dict) else stored
    return sum(map(len, parts))


def rows_of(given: argparse.Namespace, root: pathlib.Path) -> Iterator[Row]:
    """Yields the rows of one part of the measurements.

    Args:
      given: The arguments of the command line.
      root: The folder of the pictures. They are made unless they exist.
    """
    camvid, crops = given.camvid, given.crops
    images = "mosaics of CamVid frames" if camvid else "drawn"
    make = lambda n: pictures.mosaics(camvid, n) if camvid else pictures.drawn(n)
    if given.part == "codecs":
        found = [image for image, _ in make(COUNT)[:3]]
        for row in measure_codecs(found, crops, given.only):
            yield {"images": images} | row
        return
    if given.part == "scaled":
        yield {"images": images} | scaled.measure([image for image, _ in make(COUNT)])
        return
    folder = root / f"{'camvid' if camvid else 'drawn'}{given.files}"
    if not folder.is_dir():
        pictures.write_folder(folder, make(COUNT), given.files)
    size = sum(path.stat().st_size for path in (folder / "train").rglob("*.*"))
    about = {"images": images, "files": given.files}
    if given.part == "stages":
        for row in measure_stages(folder, size, crops):
            yield about | row
        return
    config = DataConfig("folder", raw_dir=str(folder), crop=CROP, scale_range=SCALES)
    config = dataclasses.replace(
        config, prepared_dir=str(folder / "present"), cache=False
    )
    source, batches = open_source(config, "train"), max(8, crops // workers.BATCH)
    for row in workers.measure(source, config, batches, tuple(given.processes)):
        yield about | row


def main() -> None:
    """Prints one JSON line for each row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("stages", "codecs", "workers", "scaled"))
    parser.add_argument("--camvid", type=pathlib.Path)
    parser.add_argument("--files", choices=(".png", ".jpg"), default=".png")
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--only", default="", help="a part of the name of a codec")
    parser.add_argument("--processes", type=int, nargs="*", default=[0, 1, 2, 4])
    parser.add_argument("--folder", help="keeps the pictures for further calls")
    parser.add_argument("--output")
    given = parser.parse_args()
    shown = f"{given.part}{' --camvid CAMVID' if given.camvid else ''}"
    shown += f" --files {given.files} --crops {given.crops}"
    git = ["git", "rev-parse", "--short", "HEAD"]
    about = {
        "command": f"python experiments/input/bench.py {shown}",
        "commit": subprocess.run(git, capture_output=True, text=True).stdout.strip(),
        "hardware": f"{platform.machine()}, {os.cpu_count()} virtual CPUs, shared",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": Image.__version__,
        "pyarrow": pyarrow.__version__,
    }
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows_of(given, pathlib.Path(given.folder or scratch)):
            line = json.dumps({"part": given.part} | row | about)
            print(line, flush=True)
            if given.output:
                with open(given.output, "a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
