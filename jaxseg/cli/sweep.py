"""Implements `jaxseg sweep FILE.py`, which trains many configurations.

FILE.py defines `configs = {"name": Config(...), ...}`. Every configuration is trained
with every seed in its own folder of the work directory. The same command keeps finished
runs and resumes interrupted ones. results.jsonl gets one line per run, table.json the
mean and standard deviation over the seeds, and results.png shows every seed, over
`axis = {"name": x}` with `axis_label` if FILE.py defines them. Arguments after `--` are
passed to every `jaxseg train`.

    jaxseg sweep experiments/aspp/config.py --seeds 0 1 2
    jaxseg sweep experiments/aspp/config.py --variant full -- --data.raw-dir CAMVID
"""

from __future__ import annotations

import dataclasses
import os
import queue
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.config import Config
from jaxseg.lab.page import Table, lines, png
from jaxseg.metrics.seeds import summarize_seeds
from jaxseg.runs import lock
from jaxseg.runs.children import Children
from jaxseg.runs.config_file import config_name, execute_file
from jaxseg.runs.directory import CONFIG, read_config
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.runs.restart import latest_step, started
from jaxseg.runs.rules import optional, some, text, whole
from jaxseg.runs.serialize import differences, from_dict, to_dict
from jaxseg.storage import atomic
from jaxseg.storage.json_file import write_json, write_lines
from jaxseg.storage.places import check_folder
from jaxseg.tasks.checks import check
from jaxseg.text import as_message
from jaxseg.training.run.metric_reader import METRICS, read_metrics
from jaxseg.viz import figures

RESULTS, TABLE, LOG, FIGURE = "results.jsonl", "table.json", "log.txt", "results.png"
BOUNDS = {
    "variant": text(),
    "workdir": optional(text()),
    "results_dir": optional(text()),
    "seeds": some(whole()),
    "device_env_var": text(),
    "metric": text(),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Train many configurations with several seeds. The same command resumes."""

    file: tyro.conf.Positional[str]
    """Python file that defines `configs = {"name": Config(...), ...}`."""
    variant: str = "configs"
    """Dictionary of the file to train, such as "full" in experiments."""
    workdir: str | None = None
    """Folder of the runs. The default is runs/NAME, or runs/NAME_VARIANT."""
    results_dir: str | None = None
    """Folder that also gets results.jsonl and results.png."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of every configuration."""
    devices: tuple[str, ...] = ("",)
    """Device numbers, with one process on each. By default one process runs."""
    device_env_var: str = "CUDA_VISIBLE_DEVICES"
    """Environment variable that restricts a process to its device."""
    metric: str = "mean_iou"
    """Score that the table shows."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One configuration with one seed and its folder."""

    name: str
    config: Config
    folder: Path

    @property
    def seed(self) -> int:
        return self.config.train.seed

    def scores(self) -> dict[str, Any] | None:
        """Returns the last evaluation if the training has ended, else None."""
        steps, latest = self.config.train.steps, latest_step(self.folder) or 0
        saved = latest >= steps and (self.folder / METRICS).is_file()
        rows = read_metrics(self.folder, "eval") if saved else []
        return rows[-1] if rows and rows[-1]["step"] >= steps else None


def main(argv: list[str]) -> int:
    """Trains the missing runs and prints the table; returns 1 if a run failed."""
    split = argv.index("--") if "--" in argv else len(argv)
    extra = argv[split + 1 :]
    arguments = parsed(Arguments, argv[:split], prog="jaxseg sweep", bounds=BOUNDS)
    name = config_name(arguments.file)
    name += f"_{arguments.variant}" if arguments.variant != "configs" else ""
    folder = Path(arguments.workdir or Path("runs") / name)
    configs, axis = load_configs(arguments.file, arguments.variant)
    runs = plan(configs, arguments.seeds, folder)
    command = shlex.join(["jaxseg", "sweep", *argv])
    check_folder("workdir", folder)
    if arguments.results_dir is not None:
        check_folder("results_dir", arguments.results_dir)
    with lock.holding(folder):
        for run in runs:
            prepare(run)
        failed = execute(runs, arguments.devices, arguments.device_env_var, extra)
        publish(runs, folder, arguments, axis, command)
    for run in failed:
        line = f"failed: {run.folder}, see {run.folder / LOG}"
        print(as_message(line), file=sys.stderr)
    return 1 if failed else 0


def publish(
    runs: list[Run],
    folder: Path,
    arguments: Arguments,
    axis: tuple[str, dict[str, float]] | None,
    command: str,
) -> None:
    """Writes the table and the figure, and copies them to the results folder."""
    scores = report(runs, folder, arguments.metric, command)
    if not scores:
        return
    atomic.write_bytes(folder / FIGURE, png(draw(scores, axis, arguments.metric)))
    if arguments.results_dir:
        for name in (RESULTS, FIGURE):
            copy = Path(arguments.results_dir) / name
            atomic.write_bytes(copy, (folder / name).read_bytes())


def load_configs(
    path: str, variant: str = "configs"
) -> tuple[dict[str, Config], tuple[str, dict[str, float]] | None]:
    """Loads and checks the configurations and the axis of a Python file."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"file={path!r} is invalid: expected an existing Python file.")
    module = execute_file(file)
    configs = getattr(module, variant, None)
    if not configs or not isinstance(configs, dict):
        raise ValueError(
            f"file={path!r} is invalid: expected a Python file that defines "
            f"`{variant} = {{name: Config(...), ...}}`."
        )
    for name, config in configs.items():
        if not isinstance(config, Config) or not str(name).replace("_", "").isalnum():
            raise ValueError(
                f"{path}: {variant}[{name!r}] is invalid: expected a Config, with a "
                "name of letters, digits and underscores."
            )
    checked = {name: _checked(c, f"{path}: {name}") for name, c in configs.items()}
    axis = getattr(module, "axis", None)
    if not axis or not set(configs) <= set(axis):
        return checked, None
    return checked, (getattr(module, "axis_label", ""), axis)


def _checked(config: Config, where: str) -> Config:
    """Returns a configuration with the type and bounds of every field checked."""
    try:
        config = from_dict(Config, to_dict(config))
        check(config)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return config


def plan(configs: dict[str, Config], seeds: tuple[int, ...], folder: Path) -> list[Run]:
    """Returns a run for every configuration and seed; the first seeds come first."""
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds={seeds} is invalid: expected different numbers.")
    runs = []
    for seed in seeds:
        for name, config in configs.items():
            train = dataclasses.replace(config.train, seed=seed)
            seeded = dataclasses.replace(config, train=train)
            runs.append(Run(name, seeded, folder / f"{name}-{seed}"))
    return runs


def prepare(run: Run) -> None:
    """Writes config.json of a run, unless its folder holds another run or is in use."""
    path = run.folder / CONFIG
    trained = started(run.folder) or (run.folder / METRICS).is_file()
    with lock.holding(run.folder):  # This removes what a killed process has left.
        if not path.is_file() or not trained:
            write_json(path, to_dict(run.config))
            return
    found, wanted = to_dict(read_config(run.folder)), to_dict(run.config)
    found.pop("data"), wanted.pop("data")  # The command line may set paths.
    changed = differences(found, wanted)
    if changed:
        raise ValueError(
            f"{run.folder} holds another run ({'; '.join(changed)}); choose another "
            "--workdir or another name."
        )


def execute(
    runs: list[Run], devices: tuple[str, ...], variable: str, extra: list[str]
) -> list[Run]:
    """Trains the unfinished runs, one process per device; returns the failed runs."""
    free: queue.Queue[str] = queue.Queue()
    for device in devices:
        free.put(device)

    children = Children()

    def train(run: Run) -> bool:
        device = free.get()
        shown = {variable: device} if device else {}
        try:
            return start(run, shown, extra, children) == 0
        finally:
            free.put(device)

    missing = [run for run in runs if run.scores() is None]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} finished", flush=True)
    with children, ThreadPoolExecutor(len(devices)) as pool:
        passed = list(pool.map(train, missing))
    pairs = zip(missing, passed, strict=True)
    return [run for run, good in pairs if not good or run.scores() is None]


def start(run: Run, shown: dict[str, str], extra: list[str], children: Children) -> int:
    """Trains one run in a process that logs to log.txt; returns its exit status.

    Programs that were compiled for one seed are reused for the others.
    """
    shared = {
        "JAX_COMPILATION_CACHE_DIR": str(run.folder.parent.absolute() / "compiled")
    }
    command = [sys.executable, "-m", "jaxseg.cli.main", "train"]
    command += ["--workdir", str(run.folder), *extra]
    with (run.folder / LOG).open("a") as log:
        status = children.run(
            command, stdout=log, stderr=log, env={**shared, **os.environ, **shown}
        )
    print(as_message(f"{run.folder.name}: exit status {status}"), flush=True)
    return status


def report(
    runs: list[Run], folder: Path, metric: str, command: str
) -> dict[str, list[float]]:
    """Writes results.jsonl and table.json, prints the table, and returns the scores."""
    about = {
        "command": command,
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
    }
    results, groups = [], {}
    for run in runs:
        scores = run.scores()
        if scores is None:
            continue
        if metric not in scores:
            raise ValueError(
                f"metric={metric!r} is invalid: expected one of {', '.join(scores)}, "
                f"the scores in {run.folder / METRICS}."
            )
        if not isinstance(scores[metric], int | float):
            raise ValueError(
                f"metric={metric!r} is invalid: expected a number, found "
                f"{scores[metric]!r} at the last evaluation in {run.folder / METRICS}. "
                "Choose another --metric."
            )
        results.append({"name": run.name, "seed": run.seed, **scores, **about})
        groups.setdefault(run.name, []).append(scores[metric])
    write_lines(folder / RESULTS, results)
    rows = [summarize_seeds(name, values) for name, values in groups.items()]
    columns = ("name", "seeds", metric, "spread", "lowest", "highest")
    write_json(folder / TABLE, [dict(zip(columns, row, strict=True)) for row in rows])
    print(lines(Table(f"{folder}", columns, rows)))
    return groups


def draw(
    scores: dict[str, list[float]],
    axis: tuple[str, dict[str, float]] | None,
    metric: str,
) -> np.ndarray:
    """Every seed's score as a dot: a row per configuration, or over the axis."""
    if axis is None:
        return figures.samples(scores, title=metric)
    label, places = axis
    points = {name: (places[name], values) for name, values in scores.items()}
    return figures.scatter(points, x_label=label, y_label=metric)
