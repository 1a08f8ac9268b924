"""A head that classifies whole images, as in segmentation_models.pytorch."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.attention import global_mean
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Dropout
from jaxseg.nn.transformer import Linear
from jaxseg.typing import Array, Pyramid

POOLS = ("avg", "max")


class PresenceHead(nn.Module):
    """Pools all pixels of one level, and applies dropout and a dense layer.

    It is the classification head of segmentation_models.pytorch. In jaxseg, the output
    is trained to say which classes occur in an image
    (`jaxseg.losses.presence_cross_entropy`).

    Attributes:
      num_classes: Number of classes.
      pool: "avg" or "max".
      dropout: Dropout rate before the dense layer.
      tap: The pyramid level that the head reads.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If `pool` is unknown.
    """

    num_classes: int
    pool: str = "avg"
    dropout: float = 0.2
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps the pyramid to logits [B, num_classes], float32."""
        if self.pool not in POOLS:
            raise ValueError(
                f"presence_pool={self.pool!r} is invalid: expected one of {POOLS}."
            )
        x = pyramid[self.tap]
        x = global_mean(x)[:, 0, 0] if self.pool == "avg" else x.max((1, 2))
        x = Dropout(self.dropout)(x, train=train)
        x = Linear(self.num_classes, self.style, name="score")(x)
        return x.astype(jnp.float32)


def take_presence(
    options: dict[str, Any], tap: str, style: BlockConfig
) -> PresenceHead | None:
    """Removes the options of a `PresenceHead` from a dict, and creates the head.

    Args:
      options: Options of a network. `presence` is the number of classes, or 0 for no
        head. `presence_pool` and `presence_dropout` are attributes of the head.
      tap: The pyramid level that the head reads.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Returns:
      The head, or None if the options do not select one.
    """
    classes = options.pop("presence", 0)
    fields = {
        field: options.pop(f"presence_{field}")
        for field in ("pool", "dropout")
        if f"presence_{field}" in options
    }
    return PresenceHead(classes, tap=tap, style=style, **fields) if classes else None
