"""Fills incomplete batches with unlabeled examples, which do not affect any score."""

from __future__ import annotations

import numpy as np

from jaxseg.training.devices.placement import HostBatch

FILL = -1  # index of a row that holds no image


def fill_rows(batch: HostBatch, multiple: int) -> HostBatch:
    """Adds examples without labels until the batch size is a multiple of `multiple`.

    Each added example repeats the last image and has the index -1. Its label is the
    ignore index everywhere: 65535 for uint16 labels, and 255 for labels of other types.
    """
    rows = len(batch["index"])
    extra = -rows % multiple
    if not extra:
        return batch
    filled = {
        name: np.concatenate([value, np.repeat(value[-1:], extra, axis=0)])
        for name, value in batch.items()
    }
    filled["index"][rows:] = FILL
    filled["label"][rows:] = 65535 if filled["label"].dtype == np.uint16 else 255
    return filled
