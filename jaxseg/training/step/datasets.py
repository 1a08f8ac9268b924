"""Translates the labels of batches that contain examples of several datasets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.training.step.options import Batch

VOIDED = -2  # The entry of a table for classes whose pixels are ignored.


def translated(
    batch: Batch, table: np.ndarray, *, void: int, new_void: int
) -> dict[str, jax.Array]:
    """Replaces labels according to a table that has one row for each dataset.

    Args:
      batch: The batch. Its entry "label" contains integers [B, H, W], and its entry
        "dataset", int32 [B], is the index of the dataset of each example. Other
        entries are returned unchanged.
      table: The new label for each of the D datasets and each old label from 0 to
        S - 1, int32 [D, S]. The value -2 stands for void.
      void: The ignore index of the batch.
      new_void: The ignore index of the result.

    Returns:
      The batch with int32 labels. A label that is not in the table becomes -1, which
      neither a loss nor a confusion matrix accepts.
    """
    label = batch["label"].astype(jnp.int32)
    known = (label >= 0) & (label < table.shape[1])
    dataset = batch["dataset"][:, None, None]
    new = jnp.asarray(table)[dataset, jnp.where(known, label, 0)]
    new = jnp.where(new == VOIDED, new_void, new)
    new = jnp.where(known, new, -1)
    return {**batch, "label": jnp.where(label == void, new_void, new)}
