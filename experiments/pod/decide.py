"""Compares `jaxseg plan --decide` with an exhaustive search on simulated CPU devices.

    export XLA_FLAGS=--xla_cpu_multi_thread_eigen=false JAX_COMPILATION_CACHE_DIR=DIR
    python -m experiments.pod.decide compile
    python -m experiments.pod.decide measure
    python -m experiments.pod.decide decide
    python -m experiments.pod.decide full
    python -m experiments.pod.decide table

`compile` compiles all 24 settings of a narrow network for four devices, and leaves the
programs in JAX's cache. `measure` takes them from there, runs their steps in turns, and
writes one line for each setting; for exact times, nothing else should run on the
computer. `decide` then searches with two budgets of memory and writes one line for
each. `full` decides for a network of full size, and runs the chosen step once. All
lines go to results.jsonl; a setting or a budget that has a line there is left out, so
that a stopped study can continue.

The names of networks can follow the first four commands. Without names, the commands
take the four networks of the study. The networks of `CALIBRATION` served to correct the
estimates, and the four networks of the study did not.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import jaxseg
from experiments.pod.timed_step import Seconds, resident_growth, timed_step
from jaxseg.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)
from jaxseg.plan.compile import compiled
from jaxseg.plan.decide import MARGIN, decide
from jaxseg.plan.program_cache import default_cache
from jaxseg.plan.setting import Freedom, Setting, settings
from jaxseg.plan.topology import described
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line, parse_json

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
STUDY = "decide"
TOPOLOGY = "cpu:4"
FREEDOM = Freedom(accumulation=True, dtype=True)
ROUNDS = 9
BUDGETS = (0.25, 0.6)  # the shares of the settings that fit
HRNET = {
    "width": 4,
    "stem": 8,
    "first_blocks": 1,
    "first_features": 4,
    "blocks": 1,
    "modules": (1, 1, 1),
}
NETWORKS = {
    "unet": ModelConfig("unet", {"width": 4, "depth": 1}),
    "deeplabv3plus": ModelConfig(
        "deeplabv3plus_resnet50",
        {"width": 4, "features": 16, "low": 8, "blocks": (1, 1, 1, 1)},
    ),
    "segformer": ModelConfig(
        "segformer_b0",
        {"channels": (8, 16, 40, 64), "blocks": (1, 1, 1, 1), "features": 16},
    ),
    "hrnet": ModelConfig("hrnet_w18", HRNET),
}
CALIBRATION = {
    "segnet": ModelConfig("segnet", {"width": 4, "repeats": (1, 1, 1)}),
    "pspnet": ModelConfig(
        "pspnet_resnet50",
        {"width": 4, "blocks": (1, 1, 1, 1), "features": 8, "output_stride": 16},
    ),
}


def narrow(name: str) -> Config:
    """Returns the configuration of a narrow network, whose images have an odd height.

    Two devices cannot share an odd number of rows, so that there are 24 settings.
    """
    return Config(
        model=(NETWORKS | CALIBRATION)[name],
        data=DataConfig("shapes", crop=(65, 96)),
        optim=OptimConfig("adamw"),
        train=TrainConfig(batch_size=8),
    )


def rows(kind: str, network: str) -> list[dict[str, Any]]:
    """Returns the lines of one kind that were recorded for a network."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    found = (parse_json(line) for line in lines)
    return [
        row
        for row in found
        if (row.get("study"), row.get("kind"), row.get("network"))
        == (STUDY, kind, network)
    ]


def record(kind: str, network: str, values: dict[str, Any]) -> None:
    """Appends one line to results.jsonl."""
    about = {
        "study": STUDY,
        "kind": kind,
        "network": network,
        "topology": TOPOLOGY,
        "seed": 0,
        "commit": commit(short=True),
        "machine": machine(),
        "versions": versions() | {"jaxseg": jaxseg.__version__},
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "command": f"python -m experiments.pod.decide {' '.join(sys.argv[1:])}",
    }
    append_line(RESULTS, about | values)


def compile_all(network: str) -> None:
    """Compiles every setting of a network, and leaves the programs in JAX's cache."""
    config, target = narrow(network), described(TOPOLOGY)
    for setting in settings(config, len(target.devices), FREEDOM):
        start = time.perf_counter()
        _, needs = timed_step(setting.applied(config), target)
        print(network, setting, needs, time.perf_counter() - start, flush=True)


def measure(network: str) -> None:
    """Compiles every setting of a network, and times the steps in turns."""
    config, target = narrow(network), described(TOPOLOGY)
    if rows("setting", network):
        return
    tried = list(settings(config, len(target.devices), FREEDOM))
    steps, needs = zip(
        *(timed_step(setting.applied(config), target) for setting in tried),
        strict=True,
    )
    print(network, "runs", flush=True)
    times: list[list[Seconds]] = [[] for _ in steps]
    for _ in range(ROUNDS):
        for step, mine in zip(steps, times, strict=True):
            mine.append(step())
    for setting, bytes_needed, mine in zip(tried, needs, times, strict=True):
        clock, cpu = zip(*mine, strict=True)
        values = {
            "setting": dataclasses.asdict(setting),
            "needs": bytes_needed,
            "seconds": statistics.median(clock),
            "cpu_seconds": statistics.median(cpu),
            "rounds": [round(one, 5) for one in clock],
            "cpu_rounds": [round(one, 5) for one in cpu],
        }
        record("setting", network, values)


def search(network: str) -> None:
    """Decides with each budget, and compares with the exhaustive search."""
    config, target = narrow(network), described(TOPOLOGY)
    measured = rows("setting", network)
    needs = np.array([row["needs"] for row in measured])
    known = {row["share"] for row in rows("decision", network)}
    for share in BUDGETS:
        if share in known:
            continue
        memory = int(np.quantile(needs, share) / (1 - MARGIN)) + 1
        start = time.perf_counter()
        attempts: list[Setting] = []
        decision = decide(
            config,
            target,
            memory,
            freedom=FREEDOM,
            cache=default_cache(),
            report=lambda setting, _, attempts=attempts: attempts.append(setting),
        )
        fitting = [row for row in measured if row["needs"] <= decision.room]
        best = min(fitting, key=lambda row: row["cpu_seconds"])
        mine = _row(measured, decision.chosen)
        record(
            "decision",
            network,
            {
                "share": share,
                "memory": memory,
                "room": decision.room,
                "chosen": mine["setting"],
                "promise": decision.promise,
                "needs": mine["needs"],
                "cpu_seconds": mine["cpu_seconds"],
                "best": best["setting"],
                "best_cpu_seconds": best["cpu_seconds"],
                "slowest_cpu_seconds": max(row["cpu_seconds"] for row in fitting),
                "fitting": len(fitting),
                "compilations": len(attempts),
                "search_seconds": round(time.perf_counter() - start, 1),
                "estimates": {
                    str(k): row.needs / _row(measured, row.setting)["needs"]
                    for k, row in enumerate(decision.alternatives)
                },
            },
        )


def _row(measured: list[dict[str, Any]], setting: Setting) -> dict[str, Any]:
    wanted = dataclasses.asdict(setting)
    return next(row for row in measured if row["setting"] == wanted)


def full() -> None:
    """Decides for a network of full size on one device, which needs memory savings."""
    config = Config(
        model=ModelConfig("deeplabv3plus_resnet50"),
        data=DataConfig("shapes", crop=(321, 321)),
        optim=OptimConfig("sgd", momentum=0.9),
        train=TrainConfig(batch_size=4),
    )
    target = described("cpu:1")
    whole = compiled(config, target, cache=default_cache()).needs()
    memory = int(0.8 * whole / (1 - MARGIN))
    start, attempts = time.perf_counter(), []
    decision = decide(
        config,
        target,
        memory,
        freedom=Freedom(accumulation=True),
        cache=default_cache(),
        report=lambda setting, needs: attempts.append(
            {"setting": dataclasses.asdict(setting), "needs": needs}
        ),
    )
    values = {
        "topology": "cpu:1",
        "memory": memory,
        "configured_needs": whole,
        "decision": decision.as_json(),
        "attempts": attempts,
        "search_seconds": round(time.perf_counter() - start, 1),
    }
    if decision.chosen is not None:
        chosen = decision.chosen.applied(config)
        program = compiled(chosen, target, cache=default_cache())
        values["temporaries"] = program.memory.temporaries
        values["resident_growth"] = resident_growth(chosen, target)
    record("full", "deeplabv3plus_resnet50", values)


def table() -> None:
    """Prints the decisions as a Markdown table."""
    print("| network | budget | chosen | promise / compiled | step / best | compiled |")
    print("|---|---|---|---|---|---|")
    for network in NETWORKS:
        for row in rows("decision", network):
            chosen = Setting(**row["chosen"])
            words = (
                f"remat {chosen.remat}, {chosen.shard}, "
                f"{chosen.grad_accum_steps} micro-batches, {chosen.dtype}"
            )
            print(
                f"| {network} | {row['memory'] / 2**20:.1f} MiB | {words} "
                f"| {row['promise'] / row['needs']:.3f} "
                f"| {row['cpu_seconds'] / row['best_cpu_seconds']:.2f} "
                f"| {row['compilations']} of 24 |"
            )


PARTS = {"compile": compile_all, "measure": measure, "decide": search}


def main() -> None:
    """Runs the part of the study that the command line names."""
    what, *names = sys.argv[1:] or ["table"]
    if what == "full":
        full()
    elif what == "table":
        table()
    else:
        for name in names or NETWORKS:
            PARTS[what](name)


if __name__ == "__main__":
    main()
