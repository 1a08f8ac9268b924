"""Computes scores from the confusion matrix of a run, and formats them as tables.

The scores and tables depend on whether classes can overlap, and on whether the network
was trained on several datasets together.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxseg.data import DatasetSpec
from jaxseg.data.spec import WIDE_VOID
from jaxseg.metrics import scores, scores_by_dataset, table
from jaxseg.metrics.by_dataset import scores_of
from jaxseg.metrics.overlapping import overlapping_scores, state_names


def matrix_classes(spec: DatasetSpec) -> tuple[str, ...]:
    """Returns a tuple of the names of the rows of a run's confusion matrix.

    The rows are the classes. If classes can overlap, each class has one row for its
    presence and one for its absence. If several datasets are trained together, the rows
    are the scored classes of all datasets. The last row, void, has no name.

    Args:
      spec: The specification of the dataset or of the datasets of the run.
    """
    if spec.multilabel:
        return state_names(spec.classes)
    return spec.classes if spec.union is None else spec.union.scored


def matrix_void(spec: DatasetSpec) -> int:
    """Returns the ignore index of labels that are row indices of a confusion matrix.

    If several datasets are trained together, it is 65535, because they can have more
    than 255 classes together. Otherwise it is the ignore index of the dataset.

    Args:
      spec: The specification of the dataset or of the datasets of the run.
    """
    return spec.void if spec.union is None else WIDE_VOID


def scoring(spec: DatasetSpec) -> Callable[[np.ndarray], dict[str, Any]]:
    """Returns the function that computes the scores from the confusion matrix of a run.

    The function takes the matrix and returns a dictionary of scores by name.

    Args:
      spec: The specification of the dataset or of the datasets of the run.
    """
    if spec.multilabel:
        return overlapping_scores
    if spec.union is None:
        return scores
    names = [member.name for member in spec.members]
    blocks = dict(zip(names, spec.union.blocks, strict=True))
    return functools.partial(scores_by_dataset, blocks=blocks)


def score_tables(values: Mapping[str, Any], spec: DatasetSpec) -> str:
    """Formats the scores of a run, with one table for each dataset.

    Args:
      values: A dictionary of scores by name. The function that `scoring` returns
        computes it.
      spec: The specification of the dataset or of the datasets of the run.
    """
    if spec.union is None:
        return table(values, spec.classes)
    parts = []
    for member in spec.members:
        own = scores_of(values, member.name)
        if sum(own["pixels"]):
            parts.append(f"{member.name}\n{table(own, member.scored)}")
    parts.append(f"mean IoU over the datasets {100 * values['mean_iou']:.2f}")
    return "\n\n".join(parts)
