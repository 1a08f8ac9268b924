"""Normalizes a batch by its own statistics, with a gradient that compiles fast."""

from jaxseg.ops.lowering.norm_vjp import batch_normalized, on_one_cpu
from jaxseg.typing import Array


def whole_batch_norm(
    x: Array, scale: Array, bias: Array, *, epsilon: float
) -> tuple[Array, Array, Array] | None:
    """Normalizes each channel by its mean and variance over the whole batch.

    y = (x - mean) / sqrt(var + epsilon) * scale + bias

    Args:
      x: [..., C].
      scale: [C].
      bias: [C].
      epsilon: Added to the variance.

    Returns:
      A tuple: y of the shape and type of x, the mean [C], and the biased variance [C].
      The result is None unless the program is traced for a single CPU device. On
      several devices, both moments travel together, which this function does not do.
    """
    return batch_normalized(epsilon, x, scale, bias) if on_one_cpu() else None
