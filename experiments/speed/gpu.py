"""Checks jaxseg on one GPU: values, pmap, throughput of prediction, and training speed.

    experiments/speed/gpu.sh [OUTPUT]            on a GPU, in at most 8 minutes
    experiments/speed/gpu.sh --quick [OUTPUT]    on a CPU, with tiny sizes, as a test

The parts run in this order, and none starts after the time is spent:

- values: the logits of four networks under jit differ by at most 1e-4 of the largest
  logit from those of the CPU, with exact float32 products.
- pmap: a training run with pmap logs the losses of the same run with jit.
- predict: images per second of `jaxseg predict`, with an empty and a filled cache of
  compiled programs.
- training: steps in bfloat16 of four networks, in turn with PyTorch and torch.compile.

Each result is appended to OUTPUT/gpu.jsonl. The exit status is 1 if a check failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any

SECONDS = 450  # No part and no network starts later.
NETWORKS = (
    "lraspp_mobilenetv3",
    "unet_resnet34",
    "deeplabv3_resnet50",
    "setr_naive_vits16",
)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Contains the sizes of the checks.

    Attributes:
      networks: The networks of `values` and `training`.
      side: The side of the images of `values` in pixels.
      images: The number of images of `predict`, and their height and width.
      steps: The number of training steps of `pmap`.
      train: The side of the training images and their number, or None for those of
        `jaxseg bench`.
    """

    networks: tuple[str, ...] = NETWORKS
    side: int = 256
    images: tuple[int, int, int] = (200, 512, 1024)
    steps: int = 8
    train: tuple[int, int] | None = None


FULL = Sizes()
TINY = Sizes(NETWORKS[:2], side=64, images=(6, 48, 64), steps=3, train=(64, 2))


def chosen(entries: Iterable[Any], sizes: Sizes) -> list[Any]:
    """Returns the networks of the benchmark that are checked."""
    return [entry for entry in entries if entry.name in sizes.networks]


def values(device: str, sizes: Sizes) -> list[dict]:
    """Compares logits under jit on the device with those on the CPU."""
    import jax
    import numpy as np

    from jaxseg.bench import networks
    from jaxseg.models import create_model

    rows = []
    image = np.random.default_rng(0).normal(size=(1, sizes.side, sizes.side, 3))
    image = image.astype(np.float32)
    places = {"cpu": jax.devices("cpu")[0], device: jax.devices(device)[0]}
    for entry in chosen(networks.NETWORKS, sizes):
        model = create_model(entry.name, num_classes=19, **entry.ours(sizes.side))
        with jax.default_device(places["cpu"]):
            variables = jax.jit(lambda key, m=model: m.init(key, image, train=False))(
                jax.random.key(0)
            )
        found = {}
        for name, place in places.items():
            given = jax.device_put((variables, image), place)
            apply = jax.jit(lambda v, x, m=model: m.apply(v, x, train=False)["logits"])
            with jax.default_matmul_precision("highest"):
                found[name] = np.asarray(apply(*given))
        scale = np.abs(found["cpu"]).max()
        difference = float(np.abs(found[device] - found["cpu"]).max() / scale)
        rows.append({"network": entry.name, "difference": difference})
        rows[-1]["ok"] = bool(difference <= 1e-4)
    return rows


def pmap(device: str, sizes: Sizes) -> list[dict]:
    """Compares the losses of two training runs, one with jit and one with pmap."""
    import json

    losses = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("jit", "pmap"):
            run = pathlib.Path(folder) / kind
            command(
                device,
                *("train", "--workdir", str(run), "--model.name=unet", "--devices=1"),
                *("--model.options.width=8", f"--train.steps={sizes.steps}"),
                *(
                    "--train.batch-size=4",
                    "--train.log-every=1",
                    "--train.dtype=float32",
                ),
                *(f"--data.prepared-dir={folder}", "--data.eval-split=validation[:2]"),
                f"--train.parallel-backend={kind}",
            )
            lines = (run / "metrics.jsonl").read_text().splitlines()
            found = [row for row in map(json.loads, lines) if row["kind"] == "train"]
            losses[kind] = [row["loss"] for row in found]
    pairs = list(zip(losses["jit"], losses["pmap"], strict=True))
    difference = max(abs(one - other) / abs(one) for one, other in pairs)
    return [{"steps": len(pairs), "difference": difference, "ok": difference <= 1e-3}]


def predict(device: str, sizes: Sizes) -> list[dict]:
    """Measures how many images per second `jaxseg predict` segments."""
    import jax
    import numpy as np
    from PIL import Image

    from jaxseg.checkpoints.manager import Checkpoints
    from jaxseg.config import Config, ModelConfig
    from jaxseg.data import DatasetSpec
    from jaxseg.runs.directory import build_model, write_run
    from jaxseg.viz import distinct

    classes = tuple(f"class {k}" for k in range(19))
    palette = tuple(map(tuple, np.asarray(distinct(19)).tolist()))
    config = Config(model=ModelConfig("deeplabv3_resnet50"))
    count, height, width = sizes.images
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "images").mkdir()
        random = np.random.default_rng(0)
        for number in range(count):
            coarse = random.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
            picture = Image.fromarray(coarse).resize((width, height))
            picture.save(root / "images" / f"{number:04d}.png")
        write_run(root / "run", config, DatasetSpec("any", classes, palette))
        model = build_model(config, 19)
        start = jax.numpy.zeros((1, 64, 64, 3))
        init = jax.jit(lambda key: model.init(key, start, train=False))
        with Checkpoints(root / "run" / "ckpt") as checkpoints:
            variables = jax.tree.map(np.asarray, init(jax.random.key(0)))
            checkpoints.save(1, variables, meta={}, metrics={"mean_iou": 0.0})
            checkpoints.wait()
        for cache in ("empty", "filled"):
            begin = time.perf_counter()
            command(
                device,
                *("predict", str(root / "images"), "--workdir", str(root / "run")),
                *("-o", str(root / "out"), "--no-overlay", "--batch-size=8"),
                *("--overwrite",),
                cache=root / "cache",
            )
            seconds = time.perf_counter() - begin
            written = len(list((root / "out").glob("*.png")))
            row = {"network": config.model.name, "images": [count, height, width]}
            row |= {"cache": cache, "seconds": seconds, "per_second": count / seconds}
            rows.append(row | {"ok": written == count})
    return rows


def training(device: str, sizes: Sizes, left) -> list[dict]:
    """Measures bfloat16 training steps beside PyTorch, for as long as time is left."""
    from jaxseg.bench import networks
    from jaxseg.bench.clock import QUICK, Limits, Sentinel
    from jaxseg.bench.rows import BenchSettings, Row, record
    from jaxseg.bench.session import torch_contestants

    sides = torch_contestants(device, compiled=True)
    limits = QUICK if sizes.train else Limits()
    settings = BenchSettings(device, "bfloat16", limits, sides)
    rows, sentinel = [], Sentinel()
    for entry in chosen(networks.NETWORKS, sizes):
        if left() <= 0:
            rows.append({"network": entry.name, "skipped": "no time was left"})
            continue
        if sizes.train:
            side, batch = sizes.train
            entry = dataclasses.replace(
                entry, size=side, gpu_size=side, gpu_batch=batch
            )
        found = record(Row("models", entry, "train step"), settings, sentinel)
        kept = ("batch", "size", "times", "compile_seconds", "notes", "contaminated")
        row = {"network": entry.name, **{name: found[name] for name in kept}}
        rows.append(row | {"ok": "jaxseg" in found["times"]})
        print(row, flush=True)
    return rows


def command(device: str, *words: str, cache: pathlib.Path | None = None) -> None:
    """Runs a command of jaxseg on the device in a process of its own."""
    platforms = "cpu" if device == "cpu" else "cuda,cpu"
    environment = os.environ | {"JAX_PLATFORMS": platforms}
    environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if cache is not None:
        environment["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    words = [str(pathlib.Path(sys.executable).with_name("jaxseg")), *words]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


def main() -> int:
    """Runs all parts and prints their results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", nargs="?", default="experiments/speed")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    device, sizes = ("cpu", TINY) if given.quick else ("gpu", FULL)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    jax.config.update("jax_platforms", "cpu" if given.quick else "cuda,cpu")
    from jaxseg.bench.pytorch import versions
    from jaxseg.runs.provenance import commit
    from jaxseg.storage.json_file import append_line

    start, failed = time.monotonic(), False
    limit = float("inf") if given.quick else SECONDS
    left = lambda: limit - (time.monotonic() - start)
    common = {"device": jax.devices()[0].device_kind, "commit": commit(short=True)}
    common |= {"quick": given.quick, "versions": versions()}
    path = pathlib.Path(given.output) / "gpu.jsonl"
    for name, part in (
        ("values", values),
        ("pmap", pmap),
        ("predict", predict),
        ("training", lambda *given: training(*given, left)),
    ):
        try:
            rows = part(device, sizes) if left() > 0 else [{"skipped": "no time"}]
        except Exception as error:  # One failed part must not hide the others.
            rows = [{"error": f"{type(error).__name__}: {error}"[:300], "ok": False}]
        for row in rows:
            failed |= not row.get("ok", True)
            print(name, row, flush=True)
            append_line(path, {"part": name, **row, **common})
    print(
        f"{time.monotonic() - start:.0f} s, {'a check failed' if failed else 'passed'}"
    )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
