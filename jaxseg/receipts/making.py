"""Creates receipts: files with all that is needed to repeat an evaluation exactly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxseg.checkpoints import digest
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.refinement import CRF, Clean, GraphCut, Refinement
from jaxseg.metrics import to_json
from jaxseg.receipts.program import describe_program
from jaxseg.receipts.receipt import Receipt
from jaxseg.runs.directory import CONFIG, DATASET
from jaxseg.runs.serialize import to_dict
from jaxseg.tasks.evaluation import Evaluation
from jaxseg.tasks.measuring import ImageResult, total
from jaxseg.tasks.scoring import matrix_classes, scoring


@dataclasses.dataclass(frozen=True)
class Subject:
    """Describes the checkpoint, the data and the refinement of an evaluation.

    Attributes:
      workdir: The run directory.
      step: The training step of the checkpoint.
      config: The configuration with which the evaluation ran.
      spec: The specification of the dataset, with the threshold that was used.
      refinement: The steps that refine each prediction, such as a dense CRF, or None.
    """

    workdir: str | Path
    step: int
    config: Config
    spec: DatasetSpec
    refinement: Refinement | None = None


def make_receipt(
    subject: Subject,
    variables: Any,
    evaluation: Evaluation,
    images: Sequence[ImageResult],
) -> Receipt:
    """Returns the receipt of an evaluation. Every process must call this function.

    Args:
      subject: The checkpoint, the data and the refinement.
      variables: The parameters and statistics of the network.
      evaluation: The result of the evaluation.
      images: The confusion matrix of each image, and the digests of its pixels and its
        label.
    """
    config, refinement = subject.config, subject.refinement
    scores = to_json(scoring(evaluation.spec)(total(images, evaluation.spec)))
    return Receipt(
        evaluation={
            "workdir": os.path.abspath(subject.workdir),
            "files": digest_files(Path(subject.workdir)),
            "model": config.model.title,
            "step": int(subject.step),
            "split": evaluation.split,
            "refinement": refinement and dataclasses.asdict(refinement),
        },
        program=describe_program(),
        configuration=to_dict(config),
        dataset=json.loads(subject.spec.to_json()),
        weights=digest.of_arrays(variables),
        scores={k: v for k, v in scores.items() if not isinstance(v, list)},
        classes=matrix_classes(evaluation.spec),
        images=tuple(images),
    )


def digest_files(workdir: Path) -> dict[str, str]:
    """Returns a dictionary from names of files that describe a run to their digests.

    The files are config.json and dataset.json, and the digests are SHA-256.

    Args:
      workdir: The run directory.
    """
    found = [workdir / name for name in (CONFIG, DATASET)]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def refinement_of(values: Mapping[str, Any] | None) -> Refinement | None:
    """Returns the `Refinement` that a receipt states, such as a dense CRF, or None.

    The result is None if the predictions of the evaluation were not refined.

    Args:
      values: A dictionary of JSON values from the name of each refining step to its
        options, as the receipt contains it, or None if nothing was refined.

    Raises:
      ValueError: If an option is missing or unknown.
    """
    if values is None:
        return None
    try:
        crf, cut = values["crf"], values["graphcut"]
        return Refinement(
            crf=crf and CRF(**crf),
            thresholds=tuple((name, value) for name, value in values["thresholds"]),
            graphcut=cut and GraphCut(**cut),
            clean=Clean(**values["clean"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"refinement={values} in the receipt is invalid: expected the options that "
            f"`jaxseg eval --receipt` writes ({error})."
        ) from error
