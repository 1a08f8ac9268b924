"""Sends the metrics of a run to Weights & Biases and MLflow.

metrics.jsonl and the event files of TensorBoard are always written. The option
`train.loggers` selects services that also receive the metrics. Each service needs its
package (`pip install 'jaxseg[wandb]'` or `'jaxseg[mlflow]'`). Environment variables of
the package, such as WANDB_PROJECT, WANDB_MODE, MLFLOW_TRACKING_URI and
MLFLOW_EXPERIMENT_NAME, select the project and the server.

The identifiers that the services give to a run are stored in loggers.json in the run
directory, so that a resumed run continues the same run of each service. Steps that are
done again after a restart are sent again.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jaxseg.checkpoints.reading import reason
from jaxseg.storage.json_file import plain, write_json

IDENTITIES = "loggers.json"


class Logger(Protocol):
    """Defines the methods of objects that send the metrics of a run to a service."""

    @property
    def identity(self) -> str:
        """Returns the identifier that the service has given to the run."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the metrics of one step.

        Args:
          step: The number of the training step.
          values: Numbers by name, such as "train/loss".
        """

    def close(self, *, failed: bool) -> None:
        """Ends the connection to the service.

        Args:
          failed: Whether the run ended with an error.
        """


class WandbLogger:
    """Sends metrics to Weights & Biases.

    Args:
      workdir: The run directory, whose name is the name of the run.
      settings: The configuration of the run, which the service shows.
      identity: The identifier that the service gave to the run before it was resumed,
        or None for a new run.
    """

    def __init__(
        self, workdir: Path, settings: Mapping[str, Any], identity: str | None
    ) -> None:
        import wandb

        self._run = wandb.init(
            name=workdir.name,
            dir=str(workdir),
            config=dict(settings),
            id=identity,
            resume="allow",
        )
        # Steps that are sent again replace the earlier ones on this axis.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")
        self.identity = self._run.id

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the metrics of one step to Weights & Biases."""
        self._run.log({"step": step, **values})

    def close(self, *, failed: bool) -> None:
        """Ends the run at Weights & Biases, as failed or finished."""
        self._run.finish(exit_code=int(failed))


class MlflowLogger:
    """Sends metrics to MLflow.

    Args:
      workdir: The run directory, whose name is the name of the run.
      settings: The configuration of the run, which the service shows.
      identity: The identifier that the service gave to the run before it was resumed,
        or None for a new run.
    """

    def __init__(
        self, workdir: Path, settings: Mapping[str, Any], identity: str | None
    ) -> None:
        import mlflow

        self._mlflow = mlflow
        name = None if identity else workdir.name
        self.identity = mlflow.start_run(run_id=identity, run_name=name).info.run_id
        if not identity:
            mlflow.log_params(_flat(settings))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the metrics of one step to MLflow."""
        self._mlflow.log_metrics(dict(values), step=step)

    def close(self, *, failed: bool) -> None:
        """Ends the run at MLflow, as failed or finished."""
        self._mlflow.end_run("FAILED" if failed else "FINISHED")


LOGGERS: dict[str, Callable[..., Logger]] = {
    "wandb": WandbLogger,
    "mlflow": MlflowLogger,
}


def check_loggers(names: Sequence[str]) -> None:
    """Raises ValueError if the package of a logger is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ValueError(
                f"train.loggers={name!r} is invalid: expected an installed package, "
                f"but {name} is missing. Run `pip install 'jaxseg[{name}]'`."
            )


def open_loggers(
    names: Sequence[str], workdir: str | Path, config: Any
) -> tuple[Logger, ...]:
    """Opens loggers, and stores the identifiers of their runs in loggers.json.

    The result is a tuple of the opened loggers.

    Args:
      names: The names of the services, "wandb" or "mlflow".
      workdir: The run directory.
      config: The configuration, a dataclass.

    Raises:
      ValueError: If a service cannot be reached.
    """
    if not names:
        return ()
    folder, settings = Path(workdir).absolute(), plain(dataclasses.asdict(config))
    path = folder / IDENTITIES
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    opened = tuple(_opened(name, folder, settings, known.get(name)) for name in names)
    identities = {n: logger.identity for n, logger in zip(names, opened, strict=True)}
    write_json(path, known | identities)
    return opened


def _opened(name: str, *arguments: Any) -> Logger:
    try:
        return LOGGERS[name](*arguments)
    except Exception as error:  # The packages raise errors of many types.
        raise ValueError(
            f"train.loggers={name!r} is invalid: expected a service that can be "
            f"opened, but {reason(error)}. Set the address of the server with the "
            "environment variables of the package, or leave the service out."
        ) from error


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested dictionaries, with names such as "train.steps"."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves
