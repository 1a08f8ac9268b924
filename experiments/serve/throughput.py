"""Compares the images per second of `jaxseg serve` and `jaxseg predict`.

    python experiments/serve/throughput.py --images 24 --pairs 3

Both sides segment the same images of 360 x 480 pixels by the same network, a U-Net with
random weights that takes more than 200 ms per image, in batches of four, and write or
return label PNG files. The sides take turns. A turn counts the images after the first
batch, and the time from the end of that batch to the last image, so that neither
compilation nor the start of a process counts. Sixteen clients send the images to the
server. The CPU time of each side per image is measured as well, because it can be
compared even if other programs run.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import jax
import numpy as np
from clients import drawn, png
from load import server

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.data.spec import generated_palette
from jaxseg.inference.predict_options import PredictOptions
from jaxseg.runs.directory import build_model, read_config, read_spec, write_run
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.tasks.predict_images import open_files
from jaxseg.tasks.prediction import Request

BATCH, CLIENTS, SIZE = 4, 16, (360, 480)
CLASSES = ("ground", "sky", "car", "tree")
SPEC = DatasetSpec("four", CLASSES, generated_palette(4))
CONFIG = Config(model=ModelConfig("unet", {"width": 24, "depth": 3}))


def make_run(folder: pathlib.Path) -> None:
    """Writes a run directory with random weights."""
    write_run(folder, CONFIG, SPEC)
    model = build_model(CONFIG, SPEC.num_classes)
    pixels = np.zeros((1, 64, 64, 3), np.float32)
    variables = model.init(jax.random.key(0), pixels, train=False)
    with Checkpoints(folder / "ckpt") as checkpoints:
        checkpoints.save(1, variables, meta={}, metrics={"mean_iou": 0.0})
        checkpoints.wait()


def rate(ends: list[float]) -> float:
    """Returns the images per second after the first batch."""
    ends = sorted(ends)
    return (len(ends) - BATCH) / (ends[-1] - ends[BATCH - 1])


def predict_turn(run: str, images: str) -> None:
    """Segments a folder as `jaxseg predict` does, and prints the images per second."""
    config, spec = read_config(run), read_spec(run)
    with tempfile.TemporaryDirectory() as out:
        request = Request(
            inputs=(images,),
            output=pathlib.Path(out),
            workdir=pathlib.Path(run),
            segment=PredictOptions(batch_size=BATCH, multiple=1),
            overlay=False,
        )
        prediction = open_files(request, config, spec)
        ends, used = [], []
        for _ in prediction.run():
            ends.append(time.monotonic())
            used.append(time.process_time())
        cpu = (used[-1] - used[BATCH - 1]) / (len(used) - BATCH)
        print(json.dumps([rate(ends), cpu]))


def serve_turn(port: int, files: list[bytes]) -> float:
    """Sends all images to the server, and returns the images per second."""
    waiting, ends, lock = iter(files), [], threading.Lock()

    def work() -> None:
        while True:
            with lock:
                image = next(waiting, None)
            if image is None:
                return
            request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", image)
            with urllib.request.urlopen(request) as answer:
                assert answer.read().startswith(b"\x89PNG")
            ends.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rate(ends)


def used(port: int) -> np.ndarray:
    """Returns the images, seconds of the network and CPU seconds until now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    names = (
        "jaxseg_batch_images_sum",
        "jaxseg_network_seconds_sum",
        "process_cpu_seconds_total",
    )
    found = [re.search(rf"^{name} (\S+)$", text, re.M)[1] for name in names]
    return np.array(found, float)


def main() -> None:
    """Runs the pairs and prints one line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--predict", nargs=2, metavar=("RUN", "IMAGES"))
    options = parser.parse_args()
    if options.predict:
        predict_turn(*options.predict)
        return
    with tempfile.TemporaryDirectory() as work:
        run, images = pathlib.Path(work, "run"), pathlib.Path(work, "images")
        images.mkdir()
        make_run(run)
        files = [png(drawn(*SIZE, seed)) for seed in range(options.images)]
        for number, content in enumerate(files):
            (images / f"{number:03}.png").write_bytes(content)
        side = [sys.executable, __file__, "--predict", str(run), str(images)]
        ratios = []
        limits = ("--warm-up", *map(str, SIZE), "--timeout", "600")
        with server(str(run), *limits) as (_, port):
            for pair in range(options.pairs):
                done = subprocess.run(side, capture_output=True, text=True, check=True)
                (predicted, cpu), before = json.loads(done.stdout), used(port)
                served = serve_turn(port, files)
                count, seconds, own_cpu = used(port) - before
                ratios.append(served / predicted)
                found = {
                    "pair": pair,
                    "images": options.images,
                    "predict_images_per_s": round(predicted, 3),
                    "serve_images_per_s": round(served, 3),
                    "ratio": round(served / predicted, 3),
                    "network_s_per_image": round(seconds / count, 3),
                    "predict_cpu_s_per_image": round(cpu, 3),
                    "serve_cpu_s_per_image": round(own_cpu / count, 3),
                    "commit": commit(short=True),
                    "seed": 0,
                    "versions": versions(),
                    "hardware": machine(),
                    "command": "python experiments/serve/throughput.py",
                }
                print(json.dumps(found), flush=True)
    print(f"median ratio {statistics.median(ratios):.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
