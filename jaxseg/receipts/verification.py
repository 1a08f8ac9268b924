"""Repeats the evaluation that a receipt describes, and compares the results."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax

from jaxseg.config import Config, DataConfig
from jaxseg.config.stored_code import marked, permitted, require_named
from jaxseg.data import DatasetSpec
from jaxseg.receipts.comparison import Comparison, compare
from jaxseg.receipts.files import named_files
from jaxseg.receipts.making import (
    Subject,
    digest_files,
    make_receipt,
    refinement_of,
)
from jaxseg.receipts.measured import measure
from jaxseg.receipts.receipt import Receipt
from jaxseg.runs.classes import with_classes
from jaxseg.runs.network import load_network
from jaxseg.runs.serialize import from_dict


@dataclasses.dataclass(frozen=True)
class Place:
    """Contains the folders, devices and batch size with which to repeat an evaluation.

    Attributes:
      workdir: The run directory, or None for the one that the receipt names.
      raw_dir: The folder of the original data, or None for that of the receipt.
      prepared_dir: The folder of the prepared data, or None for that of the receipt.
      modules: The modules of `data.module` that may be executed. Other modules that the
        receipt names are refused.
      batch_size: The number of images per step over all devices.
      devices: The devices, or None for all.
    """

    workdir: str | Path | None = None
    raw_dir: str | None = None
    prepared_dir: str | None = None
    modules: tuple[str, ...] = ()
    batch_size: int = 8
    devices: tuple[jax.Device, ...] | None = None


def verify(stored: Receipt, place: Place, *, intact: bool = True) -> Comparison:
    """Repeats the evaluation that a receipt describes, and returns the differences.

    The configuration and the specification of the dataset are those in the receipt. The
    weights are read from the run directory.

    Args:
      stored: The receipt.
      place: The folders, devices and batch size with which to repeat the evaluation.
      intact: Whether the digest in the receipt's file matches the file's content.

    Raises:
      ValueError: If the evaluation cannot be computed.
    """
    subject, found = evaluate_again(stored, place)
    names = named_files(subject.config.data, stored.evaluation["split"])
    comparison = compare(stored, found, intact=intact, files=names)
    files = digest_files(Path(subject.workdir))
    changed = [
        f"run: {name} has changed; its values in the receipt are used"
        for name, value in files.items()
        if stored.evaluation["files"].get(name) != value
    ]
    return dataclasses.replace(comparison, notes=(*comparison.notes, *changed))


def evaluate_again(stored: Receipt, place: Place) -> tuple[Subject, Receipt]:
    """Repeats the evaluation that a receipt describes.

    Args:
      stored: The receipt.
      place: The folders, devices and batch size with which to repeat the evaluation.

    Returns:
      A pair: a `Subject`, which names the checkpoint, data and refinement that were
      evaluated, and the new receipt.
    """
    about = stored.evaluation
    config = marked(from_dict(Config, stored.configuration))
    data = permitted(_placed(config.data, place), place.modules)
    require_named(data)
    data = with_classes(
        place.workdir or about["workdir"], data, named=bool(data.classes)
    )
    config = dataclasses.replace(config, data=data)
    spec = DatasetSpec.from_json(json.dumps(stored.dataset))
    subject = Subject(
        workdir=place.workdir or about["workdir"],
        step=about["step"],
        config=config,
        spec=spec,
        refinement=refinement_of(about["refinement"]),
    )
    model, _, variables = load_network(
        subject.workdir, config, spec, checkpoint=subject.step
    )
    measured = measure(
        subject,
        model,
        variables,
        split=about["split"],
        batch_size=place.batch_size,
        chosen=None if place.devices is None else list(place.devices),
    )
    evaluation, images = measured.evaluation, measured.images
    return subject, make_receipt(subject, variables, evaluation, images)


def _placed(data: DataConfig, place: Place) -> DataConfig:
    """Returns the data options with the folders that were given."""
    given = {"raw_dir": place.raw_dir, "prepared_dir": place.prepared_dir}
    changes: dict[str, Any] = {
        name: value for name, value in given.items() if value is not None
    }
    return dataclasses.replace(data, **changes)
