"""Loads the network of a run: its model and the variables of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.runs.directory import build_model, load_variables
from jaxseg.runs.outputs import num_logits


class LoadedNetwork(NamedTuple):
    """Contains a network and the variables of one of its checkpoints.

    Attributes:
      model: The network.
      step: The training step of the checkpoint.
      variables: The parameters and statistics as NumPy arrays. If the training kept a
        moving average of the parameters, they are this average.
    """

    model: nn.Module
    step: int
    variables: dict[str, Any]


def load_network(
    workdir: str | Path,
    config: Config,
    spec: DatasetSpec,
    *,
    checkpoint: str | int = "best",
    verify: bool = True,
) -> LoadedNetwork:
    """Loads the network of a run and the variables of a checkpoint.

    Args:
      workdir: The run directory.
      config: The configuration of the run.
      spec: The classes and the pixel statistics of the dataset of the run.
      checkpoint: "best", "latest" or a step.
      verify: Whether to compare the arrays with the digest that was stored with them.

    Raises:
      ValueError: If the checkpoint does not exist, belongs to another model or is
        damaged, or if a parameter is not finite.
    """
    model = build_model(config, num_logits(config, spec))
    step, variables = load_variables(
        workdir,
        model,
        checkpoint=checkpoint,
        ema=config.train.ema is not None,
        verify=verify,
        channels=spec.channels,
    )
    return LoadedNetwork(model, step, variables)
