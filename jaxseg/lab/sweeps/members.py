"""Defines the runs of a sweep: every configuration with every seed.

Each run has its own folder.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from jaxseg.checkpoints.steps import METRIC
from jaxseg.config import Config
from jaxseg.runs import lock
from jaxseg.runs.directory import CONFIG, read_config
from jaxseg.runs.restart import latest_step, started
from jaxseg.runs.serialize import differences, to_dict
from jaxseg.storage.json_file import write_json
from jaxseg.training.run.early_stopping import EarlyStopping
from jaxseg.training.run.metric_reader import METRICS, read_metrics


@dataclasses.dataclass(frozen=True)
class Run:
    """Describes one run of a sweep: a configuration with one seed, and its folder."""

    name: str
    config: Config
    folder: Path

    @property
    def seed(self) -> int:
        return self.config.train.seed

    def scores(self) -> dict[str, Any] | None:
        """Returns a dictionary of the scores of the last evaluation.

        The result is None if the run is unfinished. The scores are read from
        metrics.jsonl in the folder of the run.
        """
        if not (self.folder / METRICS).is_file():
            return None
        rows = read_metrics(self.folder, "eval")
        if not rows or (latest_step(self.folder) or 0) < rows[-1]["step"]:
            return None
        count = EarlyStopping(self.config.train.patience)
        for row in rows:
            count.add(row.get(METRIC))
        whole = rows[-1]["step"] >= self.config.train.steps
        return rows[-1] if whole or count.ended else None


def plan(configs: dict[str, Config], seeds: tuple[int, ...], folder: Path) -> list[Run]:
    """Returns a list with a run for every configuration and seed.

    The runs of all configurations with the first seed come first, then those with the
    second seed, and so on.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds={seeds} is invalid: expected distinct numbers.")
    runs = []
    for seed in seeds:
        for name, config in configs.items():
            train = dataclasses.replace(config.train, seed=seed)
            seeded = dataclasses.replace(config, train=train)
            runs.append(Run(name, seeded, folder / f"{name}-{seed}"))
    return runs


def prepare(run: Run) -> None:
    """Writes config.json to the folder of a run, if it has not been trained yet.

    Raises:
      ValueError: If the folder contains a run with another configuration.
      RunInUse: If another process uses the folder.
    """
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
            f"{run.folder} is invalid: expected a run with the sweep's configuration, "
            f"but it differs in {'; '.join(changed)}. Choose another --workdir."
        )
