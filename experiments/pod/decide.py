"""Compares `jaxseg plan --decide` with an exhaustive search on simulated CPU devices.

    python -m experiments.pod.decide measure
    python -m experiments.pod.decide decide
    python -m experiments.pod.decide full
    python -m experiments.pod.decide table

`measure` compiles all 24 settings of a narrow network for four devices, runs their
steps in turns, and writes one line for each setting. `decide` then searches with two
budgets of memory and writes one line for each. `full` decides for a network of full
size, which is compiled but not run. All lines go to results.jsonl; a setting or a
budget that has a line there is left out, so that a stopped study can continue.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxseg
from jaxseg.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.compile import compiled
from jaxseg.plan.decide import MARGIN, decide
from jaxseg.plan.program_cache import default_cache
from jaxseg.plan.setting import Freedom, Setting, settings
from jaxseg.plan.topology import described
from jaxseg.storage.json_file import append_line, parse_json

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
STUDY = "decide"
TOPOLOGY = "cpu:4"
FREEDOM = Freedom(accumulation=True, dtype=True)
ROUNDS = 5
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


def narrow(name: str) -> Config:
    """Returns the configuration of a narrow network, whose images have an odd height.

    Two devices cannot share an odd number of rows, so that there are 24 settings.
    """
    return Config(
        model=NETWORKS[name],
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
        "jax": jax.__version__,
        "jaxseg": jaxseg.__version__,
        "command": f"python -m experiments.pod.decide {' '.join(sys.argv[1:])}",
    }
    append_line(RESULTS, about | values)


def measure(network: str) -> None:
    """Compiles every setting of a network, and times the steps in turns."""
    config, target = narrow(network), described(TOPOLOGY)
    known = {str(row["setting"]) for row in rows("setting", network)}
    waiting = [
        setting
        for setting in settings(config, len(target.devices), FREEDOM)
        if str(dataclasses.asdict(setting)) not in known
    ]
    if not waiting:
        return
    steps, needs = [], []
    for setting in waiting:
        step, bytes_needed = _step(setting.applied(config), target)
        steps.append(step)
        needs.append(bytes_needed)
        print(network, setting, bytes_needed, flush=True)
    seconds: list[list[float]] = [[] for _ in steps]
    for _ in range(ROUNDS):
        for k, step in enumerate(steps):
            seconds[k].append(step())
    for setting, bytes_needed, times in zip(waiting, needs, seconds, strict=True):
        record(
            "setting",
            network,
            {
                "setting": dataclasses.asdict(setting),
                "needs": bytes_needed,
                "seconds": min(times),
                "median_seconds": statistics.median(times),
            },
        )


def _step(config: Config, target: Any) -> tuple[Any, int]:
    """Compiles a step; returns a function that runs it once, and its memory.

    The function returns the seconds of one step on a state of zeros, without the
    placement of its arguments.
    """
    runner, state, batch = abstract_step(
        config, target.devices, config.train.batch_size
    )
    traced, state, batch = runner.trace(state, batch)
    executable = traced.lower().compile()
    stats = executable.memory_analysis()
    needs = stats.argument_size_in_bytes + stats.output_size_in_bytes
    needs += stats.temp_size_in_bytes - stats.alias_size_in_bytes
    needs += stats.generated_code_size_in_bytes

    def run() -> float:
        arguments = jax.tree.map(_zeros, (state, batch))
        jax.block_until_ready(arguments)
        start = time.perf_counter()
        jax.block_until_ready(executable(*arguments))
        return time.perf_counter() - start

    run()
    return run, int(needs)


def _zeros(shape: Any) -> jax.Array:
    """Returns an array of zeros, or a random key, with the sharding of a shape."""
    if jax.dtypes.issubdtype(shape.dtype, jax.dtypes.prng_key):
        return jax.device_put(jax.random.key(0), shape.sharding)
    return jax.device_put(np.zeros(shape.shape, shape.dtype), shape.sharding)


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
        best = min(fitting, key=lambda row: row["seconds"])
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
                "seconds": mine["seconds"],
                "best": best["setting"],
                "best_seconds": best["seconds"],
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
    whole = compiled(config, target).needs()
    memory = int(0.8 * whole / (1 - MARGIN))
    start, attempts = time.perf_counter(), []
    decision = decide(
        config,
        target,
        memory,
        report=lambda setting, needs: attempts.append(
            {"setting": dataclasses.asdict(setting), "needs": needs}
        ),
    )
    record(
        "full",
        "deeplabv3plus_resnet50",
        {
            "topology": "cpu:1",
            "memory": memory,
            "configured_needs": whole,
            "decision": decision.as_json(),
            "attempts": attempts,
            "search_seconds": round(time.perf_counter() - start, 1),
        },
    )


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
                f"| {row['seconds'] / row['best_seconds']:.2f} "
                f"| {row['compilations']} of 24 |"
            )


def main() -> None:
    """Runs the part of the study that the command line names."""
    what, *names = sys.argv[1:] or ["table"]
    if what == "full":
        full()
    elif what == "table":
        table()
    else:
        for name in names or NETWORKS:
            {"measure": measure, "decide": search}[what](name)


if __name__ == "__main__":
    main()
