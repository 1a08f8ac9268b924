"""Stochastic depth: drops the residual branch of whole examples (arXiv 1603.09382)."""

from flax import linen as nn

from jaxseg.typing import Array


class DropPath(nn.Module):
    """Sets the branch of a random fraction `rate` of the examples to 0 in training.

    The other examples are scaled by 1 / (1 - rate). In evaluation, nothing changes.
    """

    rate: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, ...] to the same shape."""
        rest = tuple(range(1, x.ndim))
        return nn.Dropout(self.rate, rest, deterministic=not train)(x)


def depth_rates(
    largest: float, counts: tuple[int, ...]
) -> tuple[tuple[float, ...], ...]:
    """Returns for each block the rate of stochastic depth, from 0 up to `largest`.

    The rate grows linearly with the index of the block in the network.

    >>> depth_rates(0.2, (1, 2))
    ((0.0,), (0.1, 0.2))

    Args:
      largest: The rate of the last block.
      counts: The number of blocks of each stage.

    Returns:
      The rates of each stage.
    """
    total = sum(counts)
    rates = [largest * i / max(total - 1, 1) for i in range(total)]
    starts = [sum(counts[:i]) for i in range(len(counts))]
    return tuple(
        tuple(rates[start : start + count])
        for start, count in zip(starts, counts, strict=True)
    )
