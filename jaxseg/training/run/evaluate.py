"""Sums the confusion matrices of batches, from which scores are computed.

Counts are integers and are summed in int64 on the host. Scores therefore do not depend
on the order or the size of the batches, or on the number of devices. Examples that only
pad a batch do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from jaxseg.metrics import ConfusionTotal
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.void_rows import FILL


def count(
    variables: Any,
    batches: Iterable[HostBatch],
    step: Callable[[Any, HostBatch], Any],
    *,
    num_classes: int,
    ids: Sequence[str],
    stop: Callable[[], bool] = lambda: False,
    observe: Callable[[HostBatch, Any], None] | None = None,
) -> ConfusionTotal | None:
    """Evaluates a network on batches and sums their confusion matrices.

    Args:
      variables: The variables of the network.
      batches: The batches.
      step: Maps variables and a batch to its confusion matrix, int32 [K + 1, K].
      num_classes: The number of classes K.
      ids: The names of the images, for errors.
      stop: A function that says whether to stop early. It is called before each batch.
      observe: A function that is called for each batch, with the batch and a function
        that reads its predictions. If `observe` is given, `step` must return a pair, as
        `StepRunner.observe` does: the confusion matrix and the function that reads.

    Returns:
      The sum of the confusion matrices as a `ConfusionTotal`, or None if the evaluation
      was stopped early.

    Raises:
      ValueError: If a label is neither a class nor the ignore index. The message names
        the images of the batch.
    """
    total = ConfusionTotal(num_classes)
    pending: list[tuple[HostBatch, Any]] = []
    for batch in batches:
        if stop():
            return None
        pending.append((batch, step(variables, batch)))
        if len(pending) > 1:  # read one batch late: the device never waits
            _add(total, *pending.pop(0), ids, observe)
    for batch, result in pending:
        _add(total, batch, result, ids, observe)
    return total


def _add(
    total: ConfusionTotal,
    batch: HostBatch,
    result: Any,
    ids: Sequence[str],
    observe: Callable[[HostBatch, Any], None] | None,
) -> None:
    matrix, kept = (result, None) if observe is None else result
    try:
        total.add(np.asarray(matrix))
    except ValueError as error:
        names = ", ".join(str(ids[i]) for i in batch["index"] if i != FILL)
        raise ValueError(f"{error}; images of the batch: {names}") from error
    if observe is not None:
        observe(batch, kept)
