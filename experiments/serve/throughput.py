"""Compares the images per second of `jaxseg serve` and `jaxseg predict`.

    python experiments/serve/throughput.py --images 24 --pairs 3

Both sides segment the same images of 360 x 480 pixels by the same network, a U-Net with
random weights that takes more than 200 ms per image, in batches of four, and write or
return label PNG files. The sides take turns. The rate of a side is the slope of a line
that is fitted to the number of finished images over time. The images of the first batch
are left out, so that neither compilation nor the start of a process counts. An image is
finished when its file is written, or when a client has received its answer. Sixteen
clients in a process of their own, each with one open connection, send the images to the
server. The CPU time of each side per image is measured as well, because it can be
compared even if other programs run.

The results replace those of earlier runs in `results.jsonl` next to this file.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import pathlib
import queue
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
from jaxseg.storage import atomic
from jaxseg.tasks.predict_images import open_files
from jaxseg.tasks.prediction import Request

BATCH, CLIENTS, SIZE = 4, 16, (360, 480)
CLASSES = ("ground", "sky", "car", "tree")
SPEC = DatasetSpec("four", CLASSES, generated_palette(4))
CONFIG = Config(model=ModelConfig("unet", {"width": 40, "depth": 3}))
COMMAND = "python experiments/serve/throughput.py"
RESULTS = pathlib.Path(__file__).with_name("results.jsonl")


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
    """Returns the images per second after the first batch.

    Args:
      ends: The time in seconds at which each image was finished.
    """
    ends = sorted(ends)[BATCH:]
    return float(np.polyfit(ends, np.arange(len(ends)), 1)[0])


def predict_turn(run: str, images: str) -> None:
    """Segments a folder as `jaxseg predict` does.

    It prints the images per second, and the CPU seconds per image.
    """
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
        used = [time.process_time() for _ in prediction.run()]
        # Results are yielded while a later batch is computed, so their times say
        # nothing about single images, but the difference of two batches does.
        cpu = (used[-BATCH - 1] - used[BATCH - 1]) / (len(used) - 2 * BATCH)
        ends = [path.stat().st_mtime for path in pathlib.Path(out).glob("*.png")]
        assert len(ends) == len(used)
        print(json.dumps([rate(ends), cpu]))


def client_turn(port: int, images: str) -> None:
    """Sends all images of a folder to the server, and prints the images per second."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    ends: list[float] = []
    for path in sorted(pathlib.Path(images).iterdir()):
        waiting.put(path.read_bytes())

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        with contextlib.closing(connection), contextlib.suppress(queue.Empty):
            while True:
                connection.request("POST", "/predict", waiting.get_nowait())
                answer = connection.getresponse()
                assert answer.read().startswith(b"\x89PNG"), answer.status
                ends.append(time.monotonic())

    count = waiting.qsize()
    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == count
    print(json.dumps(rate(ends)))


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


def measured(port: int, run: str, images: str) -> dict[str, float]:
    """Returns the results of one turn of each side."""
    predicted, cpu = own_process("--predict", run, images)
    before = used(port)
    served = own_process("--clients", str(port), images)
    count, seconds, own_cpu = used(port) - before
    return {
        "predict_images_per_s": round(predicted, 3),
        "serve_images_per_s": round(served, 3),
        "ratio": round(served / predicted, 3),
        "network_s_per_image": round(seconds / count, 3),
        "predict_cpu_s_per_image": round(cpu, 3),
        "serve_cpu_s_per_image": round(own_cpu / count, 3),
    }


def own_process(*arguments: str):
    """Runs one side in a process of its own, and returns what it prints as JSON."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def record(rows: list[dict]) -> None:
    """Replaces the lines of this script in results.jsonl."""
    lines = RESULTS.read_text().splitlines()
    others = [line for line in lines if json.loads(line)["command"] != COMMAND]
    atomic.write_text(RESULTS, "\n".join([*others, *map(json.dumps, rows)]) + "\n")


def main() -> None:
    """Runs the pairs, and prints and stores one line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--predict", nargs=2, metavar=("RUN", "IMAGES"))
    parser.add_argument("--clients", nargs=2, metavar=("PORT", "IMAGES"))
    options = parser.parse_args()
    if options.predict:
        return predict_turn(*options.predict)
    if options.clients:
        return client_turn(int(options.clients[0]), options.clients[1])
    rows = []
    with tempfile.TemporaryDirectory() as work:
        run, images = pathlib.Path(work, "run"), pathlib.Path(work, "images")
        images.mkdir()
        make_run(run)
        for seed in range(options.images):
            (images / f"{seed:03}.png").write_bytes(png(drawn(*SIZE, seed)))
        limits = ("--warm-up", *map(str, SIZE), "--timeout", "600")
        with server(str(run), *limits) as (_, port):
            for pair in range(options.pairs):
                found = {
                    "pair": pair,
                    "images": options.images,
                    **measured(port, str(run), str(images)),
                    "commit": commit(short=True),
                    "seed": 0,
                    "versions": versions(),
                    "hardware": machine(),
                    "command": COMMAND,
                }
                print(json.dumps(found), flush=True)
                rows.append(found)
    record(rows)
    ratios = [row["ratio"] for row in rows]
    print(f"median ratio {statistics.median(ratios):.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
