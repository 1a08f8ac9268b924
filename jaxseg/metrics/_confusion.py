"""Counts confusion matrices on the device, and sums them in int64 on the host.

The rows of a matrix are labels, and void is the last row. The columns are predictions.
The counts of one batch are int32 and the totals are int64, because float32 is not exact
above 2^24 pixels and int32 overflows after two passes over the validation set of
Cityscapes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

# The value of every entry of a matrix that met a label or prediction out of range.
ILLEGAL = -1


def confusion(
    prediction: jax.Array, label: jax.Array, num_classes: int, void: int = 255
) -> jax.Array:
    """Counts pixels by label (row) and prediction (column).

    Compiled code cannot raise errors. A label or prediction out of range therefore
    turns every entry of the matrix into -1, and `ConfusionTotal.add` and `scores` raise
    an error for such a matrix.

    Args:
      prediction: Integers of any shape, 0 to K - 1.
      label: Integers of the same shape, 0 to K - 1 or `void`.
      num_classes: The number of classes K.
      void: The ignore index, which is counted in row K.

    Returns:
      int32 [K + 1, K].

    Raises:
      ValueError: If the shapes differ.

    >>> confusion(jnp.array([0, 1, 1]), jnp.array([0, 0, 255]), 2).tolist()
    [[1, 1], [0, 0], [0, 1]]
    """
    if prediction.shape != label.shape:
        raise ValueError(
            f"prediction.shape={prediction.shape} is invalid: expected {label.shape}, "
            "the shape of the label."
        )
    prediction, label = prediction.astype(jnp.int32), label.astype(jnp.int32)
    row = jnp.where(label == void, num_classes, label)
    legal = (row >= 0) & (row <= num_classes)
    # A label equal to K is legal only where it is the void value.
    legal &= (label != num_classes) | (label == void)
    legal &= (prediction >= 0) & (prediction < num_classes)
    cell = jnp.where(legal, row * num_classes + prediction, 0)
    counts = jnp.zeros((num_classes + 1) * num_classes, jnp.int32)
    # Indexed in the map's own shape: flattened, a sharded map would be gathered.
    counts = counts.at[cell].add(1).reshape(num_classes + 1, num_classes)
    return jnp.where(legal.all(), counts, ILLEGAL)


def confusion_over(matrix: jax.Array, axis_name: str | None) -> jax.Array:
    """Sums the confusion matrices of all devices under pmap.

    If the matrix of one device has entries of -1, all entries of the sum are -1.
    """
    if axis_name is None:
        return matrix
    legal = jax.lax.pmin(matrix.min(), axis_name) >= 0
    return jnp.where(legal, jax.lax.psum(matrix, axis_name), ILLEGAL)


class ConfusionTotal:
    """Sums the confusion matrices of batches in int64 on the host.

    Attributes:
      matrix: The sum, int64 [K + 1, K], with labels as rows, void as the last row, and
        predictions as columns.
    """

    def __init__(self, num_classes: int) -> None:
        if num_classes < 1:
            raise ValueError(
                f"num_classes={num_classes} is invalid: expected 1 or more."
            )
        self.matrix = np.zeros((num_classes + 1, num_classes), np.int64)

    def add(self, matrix: jax.Array | np.ndarray) -> None:
        """Adds the confusion matrix of one batch to the sum.

        Raises:
          ValueError: If the matrix has another shape, does not contain integers, or has
            negative entries because a label or a prediction was out of range.
        """
        matrix = np.asarray(matrix)
        if matrix.shape != self.matrix.shape:
            raise ValueError(
                f"matrix.shape={matrix.shape} is invalid: expected "
                f"{self.matrix.shape}, which is (classes + 1, classes)."
            )
        check_counts(matrix)
        self.matrix += matrix.astype(np.int64)


def check_counts(matrix: np.ndarray) -> None:
    """Raises ValueError unless all entries of a confusion matrix are integers >= 0."""
    if not np.issubdtype(matrix.dtype, np.integer):
        raise ValueError(f"matrix.dtype={matrix.dtype} is invalid: expected integers.")
    if (matrix < 0).any():
        raise ValueError(
            f"matrix with the entry {matrix.min()} is invalid: expected counts of 0 or "
            f"more. A label is neither void nor in 0..{matrix.shape[1] - 1}, a "
            "prediction is not a class, or one batch has more than 2^31 - 1 pixels."
        )
