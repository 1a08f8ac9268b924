"""Opens the runs whose predictions are averaged, and reads their logit scalings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.reader import ReadOptions
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.segmenter import Segmenter
from jaxseg.inference.uncertainty.averaged_network import AveragedNetwork
from jaxseg.inference.uncertainty.averaging import Averaging
from jaxseg.inference.uncertainty.members import (
    Member,
    check_agreement,
    check_dropout,
)
from jaxseg.ops.logit_scaling import LogitScaling
from jaxseg.runs.calibration_file import read_calibration
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network import load_network
from jaxseg.runs.outputs import num_logits
from jaxseg.tasks.prediction import Request
from jaxseg.tasks.samples import check_request
from jaxseg.tasks.table import SEGMENTATION, task_of

SIDE = 64  # A size of images that networks accept, for checks that compute nothing.


@dataclasses.dataclass(frozen=True)
class Combination:
    """Selects the runs whose predictions are averaged with those of a first run.

    Attributes:
      runs: The directories of these runs, without that of the first run.
      calibrated: Whether the logits of each run are scaled by the scaling that was
        fitted for its checkpoint.
      checkpoint: "best", "latest", or the number of a saved step, for all runs.
      verify: Whether to compare weights with the digests stored with them.
    """

    runs: tuple[Path, ...] = ()
    calibrated: bool = False
    checkpoint: str = "best"
    verify: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class OpenedRun:
    """Contains the network of a run and the weights of its checkpoint."""

    workdir: str | Path
    config: Config
    spec: DatasetSpec
    model: nn.Module
    step: int
    variables: Any = dataclasses.field(repr=False)

    def scaling(self, combination: Combination) -> LogitScaling | None:
        """Returns the scaling that was fitted for the logits of this checkpoint.

        The scaling multiplies the logits by factors and adds offsets. The result is
        None if `combination.calibrated` is False.

        Raises:
          ValueError: If no scaling was fitted for this checkpoint, or if the network
            was trained on several datasets.
        """
        if not combination.calibrated:
            return None
        return read_calibration(
            self.workdir,
            step=self.step,
            variables=self.variables,
            num_logits=num_logits(self.config, self.spec),
        )

    def network(
        self, combination: Combination, dataset: str | None = None
    ) -> ImageNetwork:
        """Returns the network with its preprocessing and the scaling of its logits.

        The result predicts the classes of `dataset` or, if that is None, of the run.
        """
        return ImageNetwork(
            self.model,
            self.spec,
            scale=self.config.data.eval_scale,
            dataset=dataset,
            scaling=self.scaling(combination),
        )


def open_members(
    combination: Combination,
    config: Config,
    spec: DatasetSpec,
    *,
    dataset: str | None = None,
) -> tuple[Member, ...]:
    """Checks that further runs fit the first run, and returns their networks.

    The result is a tuple with one `Member` for each further run: its network and its
    variables.

    Args:
      combination: The further runs.
      config: The configuration of the first run.
      spec: The classes of the first run, with the threshold to use.
      dataset: For networks that were trained on several datasets, the name of the
        dataset whose classes are predicted; otherwise None.

    Raises:
      ValueError: If a run predicts other classes or takes other images than the first
        run, or if its checkpoint cannot be used.
    """
    found = [(run, *_matching(run, config, spec)) for run in combination.runs]
    members = []
    for run, own, own_spec in found:
        model, step, variables = load_network(
            run,
            own,
            own_spec,
            checkpoint=combination.checkpoint,
            verify=combination.verify,
        )
        opened = OpenedRun(run, own, own_spec, model, step, variables)
        members.append(Member(opened.network(combination, dataset), variables))
    return tuple(members)


def open_networks(
    request: Request, config: Config, spec: DatasetSpec, reading: ReadOptions
) -> tuple[int, Segmenter, list[Any]]:
    """Loads the networks of all runs of a prediction.

    Args:
      request: The options of the prediction.
      config: The configuration of the first run.
      spec: The classes of the first run, with the threshold to use.
      reading: How image files are read.

    Returns:
      A tuple: the step of the first run's checkpoint; the object that segments images
      with the averaged networks; and a list of the variables of each network.
    """
    combination = Combination(
        request.ensemble,
        calibrated=request.calibrated,
        checkpoint=request.checkpoint,
        verify=request.verify,
    )
    others = open_members(combination, config, spec, dataset=request.segment.dataset)
    model, step, variables = load_network(
        request.workdir,
        config,
        spec,
        checkpoint=request.checkpoint,
        verify=request.verify,
    )
    opened = OpenedRun(request.workdir, config, spec, model, step, variables)
    segmenter = Segmenter(
        model,
        variables,
        spec,
        scale=config.data.eval_scale,
        options=request.segment,
        reading=reading,
        scaling=opened.scaling(combination),
        others=others,
    )
    weights = [variables, *(member.variables for member in others)]
    return step, segmenter, weights


def combined(
    first: OpenedRun, combination: Combination, averaging: Averaging
) -> tuple[ImageNetwork | AveragedNetwork | None, Any]:
    """Returns a pair: the network that an evaluation scores, and its variables.

    Args:
      first: The network of the first run and its weights.
      combination: The further runs, and whether logits are scaled.
      averaging: What is averaged, and the number of dropout samples.

    Returns:
      The network to score, and the variables that it takes. If nothing is averaged or
      scaled, the network is None, and the variables are those of the first run.

    Raises:
      ValueError: If the runs or the options do not fit each other.
    """
    several = bool(combination.runs or averaging.dropout_samples)
    if not (several or combination.calibrated):
        return None, first.variables
    _check_task(first)
    others = open_members(combination, first.config, first.spec)
    members = (Member(first.network(combination), first.variables), *others)
    if not several:
        return members[0].network, first.variables
    check_dropout(members, averaging, (SIDE, SIDE))
    networks = tuple(member.network for member in members)
    variables = tuple(member.variables for member in members)
    return AveragedNetwork(networks, averaging), variables


def _check_task(run: OpenedRun) -> None:
    if task_of(run.config) is not SEGMENTATION or run.spec.union is not None:
        raise ValueError(
            f"workdir={str(run.workdir)!r} is invalid with --ensemble, "
            "--dropout-samples or --calibrated: expected a network that segments "
            "images of one dataset. Leave these options out."
        )


def _matching(
    run: Path, config: Config, spec: DatasetSpec
) -> tuple[Config, DatasetSpec]:
    """Returns the configuration and the classes of a run, if they fit the first run."""
    own, own_spec = read_config(run, option="ensemble"), read_spec(run)
    check_agreement(spec, own_spec, str(run))
    if task_of(own).kind != "images":
        raise ValueError(
            f"ensemble={str(run)!r} is invalid: expected a network that "
            f"segments images, but {own.model.name} segments point clouds."
        )
    check_request(own, samples=0, mode="whole")
    if num_logits(own, own_spec) != num_logits(config, spec):
        raise ValueError(
            f"ensemble={str(run)!r} is invalid: expected model.output="
            f"{config.model.output!r} as in the first run, found "
            f"{own.model.output!r}. Average runs with the same output."
        )
    return own, own_spec
