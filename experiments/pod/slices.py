"""Plans the training of the 12 benchmark networks on slices of v5e and v6e.

    python -m experiments.pod.slices run [NAME ...]
    python -m experiments.pod.slices table

`run` compiles the training step of each network for the slices of `SLICES`, in the
order of `PLANS`, small networks first. It appends one line for each plan to
results.jsonl, and leaves out the plans that have a line there, so that it can be
stopped and continued. The names select networks. No TPU is needed. `table` prints what
was planned, and what was not.

The networks are those of `jaxseg bench` that have a counterpart in a PyTorch library,
and U-Net. The images have 512 x 512 pixels, or 513 x 513 where the benchmark uses odd
sizes, with 8 images per chip in bfloat16.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import jax

import jaxseg
from experiments.pod.decide import RESULTS
from experiments.pod.deeplabv3plus_r101 import CLASSES
from jaxseg.bench.networks import NETWORKS, Entry
from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig
from jaxseg.plan.compile import compiled, step_flops
from jaxseg.plan.report import figures, milliseconds, size
from jaxseg.plan.topology import described
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line, parse_json

STUDY = "slices"
EACH = 8  # images per chip
SLICES = ("v5e:8x8", "v5e:16x16", "v6e:8x8", "v6e:16x16")
ORDER = (
    *("bisenet_resnet18", "unet", "unet_resnet34", "unet_fcn", "lraspp_mobilenetv3"),
    *("setr_naive_vits16", "deeplabv3plus_mobilenetv2", "deeplabv3_resnet50"),
    *("deeplabv3plus_resnet50", "pspnet_resnet50", "deeplabv3plus_xception65"),
    "hrnet_w18",
)
ON_ALL = ("bisenet_resnet18", "unet", "unet_resnet34", "deeplabv3plus_resnet50")
PLANS = tuple(
    (name, slice_)
    for slice_ in SLICES
    for name in ORDER
    if slice_ == SLICES[0] or name in ON_ALL
)


def configuration(entry: Entry, devices: int) -> Config:
    """Returns the configuration of a benchmark network for a number of chips."""
    side = entry.gpu_size + entry.size % 2
    return Config(
        model=ModelConfig(entry.name, entry.ours(side)),
        data=DataConfig("folder", classes=CLASSES, crop=(side, side)),
        optim=OptimConfig("sgd", momentum=0.9),
        train=TrainConfig(batch_size=EACH * devices, dtype="bfloat16"),
    )


def rows() -> dict[tuple[str, str], dict[str, Any]]:
    """Returns the recorded plans by the name of the network and the slice."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    found = (parse_json(line) for line in lines)
    return {
        (row["network"], row["topology"]): row
        for row in found
        if row.get("study") == STUDY
    }


def plan(name: str, topology: str) -> None:
    """Compiles the step of a network for a slice, and records its memory and time."""
    entry = next(one for one in NETWORKS if one.name == name)
    target = described(topology)
    config = configuration(entry, len(target.devices))
    cpu = time.process_time()
    program = compiled(config, target)
    cpu = time.process_time() - cpu
    facts = figures(program, target, step_flops(config))
    about = {
        "study": STUDY,
        "network": name,
        "topology": topology,
        "crop": config.data.crop,
        "seed": 0,
        "commit": commit(short=True),
        "machine": machine(),
        "versions": versions() | {"jaxseg": jaxseg.__version__},
        "libtpu_options": os.environ.get("LIBTPU_INIT_ARGS", ""),
        "command": f"python -m experiments.pod.slices {' '.join(sys.argv[1:])}",
        "cpu_seconds": round(cpu, 1),
    }
    append_line(RESULTS, about | facts)
    print(name, topology, size(facts["needs"]), f"{cpu:.0f} CPU s", flush=True)


def run(names: list[str]) -> None:
    """Makes the plans of the given networks that are not recorded yet."""
    jax.config.update("jax_platforms", "cpu")
    for name, topology in PLANS:
        if (not names or name in names) and (name, topology) not in rows():
            plan(name, topology)


def table() -> None:
    """Prints the plans as a Markdown table."""
    found = rows()
    print("| network | slice | memory per chip | expected step | compilation |")
    print("|---|---|---|---|---|")
    for name, topology in PLANS:
        row = found.get((name, topology))
        if row is None:
            print(f"| {name} | {topology} | not planned | | |")
            continue
        times = "does not fit"
        if "seconds" in row:
            fast, slow = row["seconds"]["fast"], row["seconds"]["slow"]
            times = f"{milliseconds(fast)} to {milliseconds(slow)}"
        print(
            f"| {name} | {topology} | {size(row['needs'])} of {size(row['usable'])} "
            f"| {times} | {row['cpu_seconds']:.0f} CPU s |"
        )


def main() -> None:
    """Runs the part of the study that the command line names."""
    what, *names = sys.argv[1:] or ["table"]
    if what == "run":
        run(names)
    else:
        table()


if __name__ == "__main__":
    main()
