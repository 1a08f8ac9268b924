"""Opens the further runs whose predictions are averaged with those of a run."""

from __future__ import annotations

from pathlib import Path

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.uncertainty.members import Member, check_agreement
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec
from jaxseg.runs.outputs import num_logits
from jaxseg.tasks.prediction import Request
from jaxseg.tasks.samples import check_request
from jaxseg.tasks.table import task_of


def open_members(
    request: Request, config: Config, spec: DatasetSpec
) -> tuple[Member, ...]:
    """Opens the networks of further runs, after it has checked that all of them fit.

    Args:
      request: The run directories `request.ensemble`, and the checkpoint to load.
      config: The configuration of the first run.
      spec: The classes of the first run, with the threshold to use.

    Raises:
      ValueError: If a run predicts other classes or takes other images than the first
        run, or if its checkpoint cannot be used.
    """
    runs, dataset = request.ensemble, request.segment.dataset
    found = [_matching(run, config, spec) for run in runs]
    members = []
    for run, (own, own_spec) in zip(runs, found, strict=True):
        model = build_model(own, num_logits(own, own_spec))
        _, variables = load_variables(
            run,
            model,
            checkpoint=request.checkpoint,
            ema=own.train.ema is not None,
            verify=request.verify,
            channels=own_spec.channels,
        )
        network = ImageNetwork(
            model, own_spec, scale=own.data.eval_scale, dataset=dataset
        )
        members.append(Member(network, variables))
    return tuple(members)


def _matching(
    run: Path, config: Config, spec: DatasetSpec
) -> tuple[Config, DatasetSpec]:
    """Returns the configuration and the classes of a run, if they fit the first run."""
    own, own_spec = read_config(run), read_spec(run)
    check_agreement(spec, own_spec, str(run))
    if task_of(own).kind != "images":
        raise ValueError(
            f"ensemble={str(run)!r} is invalid: expected a network of images, but "
            f"{own.model.name} segments point clouds."
        )
    check_request(own, samples=0, mode="whole")
    if num_logits(own, own_spec) != num_logits(config, spec):
        raise ValueError(
            f"ensemble={str(run)!r} is invalid: expected model.output="
            f"{config.model.output!r} as in the first run, found "
            f"{own.model.output!r}. Average runs with the same output."
        )
    return own, own_spec
