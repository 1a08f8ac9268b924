"""Confusion counts: integers per batch on the device, int64 totals on the host.

Rows are labels with void as an own last row, columns are predictions. Counting in
float32 stops being exact at 2^24 pixels, int32 overflows after two passes over
Cityscapes' validation set; a batch fits int32 and totals are int64.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

ILLEGAL = -1  # every entry of a matrix that met a label or prediction out of range


def confusion(
    prediction: jax.Array, label: jax.Array, num_classes: int, void: int = 255
) -> jax.Array:
    """Pixels by label (row) and prediction (column), int32 [K + 1, K].

    Args:
      prediction: integers of any shape, 0..K-1.
      label: integers of the same shape, 0..K-1 or `void`, which is counted in row K.

    A value outside these ranges turns every entry into -1 (device code cannot raise);
    `ConfusionTotal.add` and `scores` then do raise.

    >>> confusion(jnp.array([0, 1, 1]), jnp.array([0, 0, 255]), 2).tolist()
    [[1, 1], [0, 0], [0, 1]]
    """
    if prediction.shape != label.shape:
        raise ValueError(
            f"prediction has shape {prediction.shape}, label {label.shape}; "
            "allowed are equal shapes"
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
    """Sum of the devices' matrices under pmap; all -1 if one of them is."""
    if axis_name is None:
        return matrix
    legal = jax.lax.pmin(matrix.min(), axis_name) >= 0
    return jnp.where(legal, jax.lax.psum(matrix, axis_name), ILLEGAL)


class ConfusionTotal:
    """Sum of confusion matrices in host int64.

    Attributes:
      matrix: int64 [K + 1, K].
    """

    def __init__(self, num_classes: int) -> None:
        if num_classes < 1:
            raise ValueError(f"num_classes is {num_classes}; allowed is 1 or more")
        self.matrix = np.zeros((num_classes + 1, num_classes), np.int64)

    def add(self, matrix: jax.Array | np.ndarray) -> None:
        """Add one batch's matrix.

        Raises:
          ValueError: on a matrix of another shape, of floats, or with negative
            entries: a label or a prediction was outside the classes.
        """
        matrix = np.asarray(matrix)
        if matrix.shape != self.matrix.shape:
            raise ValueError(
                f"matrix has shape {matrix.shape}; allowed is {self.matrix.shape}"
            )
        check_counts(matrix)
        self.matrix += matrix.astype(np.int64)


def check_counts(matrix: np.ndarray) -> None:
    """Raise ValueError unless matrix holds integers >= 0."""
    if not np.issubdtype(matrix.dtype, np.integer):
        raise ValueError(f"matrix has dtype {matrix.dtype}; allowed are integers")
    if (matrix < 0).any():
        raise ValueError(
            f"matrix holds {matrix.min()}; counts are >= 0: a label that is neither "
            f"void nor in 0..{matrix.shape[1] - 1}, a prediction outside the classes, "
            "or more than 2^31 - 1 pixels in one batch"
        )
