"""The pixel decoder of Mask2Former (arXiv 2112.01527, section 3.2.2 and appendix A).

Layers of multi-scale deformable attention (arXiv 2010.04159) combine the levels c3, c4
and c5. The finest of the three results is then enlarged and added to c2, as in a
feature pyramid network (arXiv 1612.03144).
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.deformable_attention import DeformableAttention
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.nn.sine_position import sine_positions
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid, Size

LEVELS = ("c5", "c4", "c3")  # Those that attend to each other, coarsest first.
_EPSILON = 1e-5  # Of all normalizations.


class DeformableLayer(nn.Module):
    """Applies deformable attention and then an MLP.

    Each has a residual connection. Layer normalization follows it.

    `hidden` is the number of channels inside the MLP.
    """

    heads: int = 8
    hidden: int = 1024
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, x: Array, positions: Array, centers: Array, sizes: tuple[Size, ...]
    ) -> Array:
        """Updates the pixels of all levels.

        Args:
          x: The pixels of all levels, level after level, [B, M, C].
          positions: The embedding of the level and position of each pixel, [1, M, C].
          centers: The position (x, y) of each pixel in its map, from 0 to 1, [M, 2].
          sizes: Height and width of each level.

        Returns:
          [B, M, C].
        """
        style = self.style
        attention = DeformableAttention(self.heads, style=style, name="attention")
        y = attention(x + positions.astype(x.dtype), x, centers, sizes)
        x = LayerNorm(_EPSILON, style, name="norm_1")(x + y)
        y = jax.nn.relu(Linear(self.hidden, style, name="mlp_1")(x))
        y = Linear(x.shape[-1], style, name="mlp_2")(y)
        return LayerNorm(_EPSILON, style, name="norm_2")(x + y)


class PixelDecoder(nn.Module):
    """Turns a pyramid into three maps for the queries and one map of mask features.

    Attributes:
      features: Number of channels of all results, a multiple of 4.
      layers: Number of layers of deformable attention.
      heads: Number of attention heads.
      hidden: Number of channels inside the MLPs.
      style: Settings such as the dtype, see `BlockConfig`. All convolutions have group
        normalization with 32 groups, whatever `style.norm` is.
    """

    features: int = 256
    layers: int = 6
    heads: int = 8
    hidden: int = 1024
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> tuple[Array, list[Array]]:
        """Decodes a pyramid.

        Args:
          pyramid: The levels "c2" to "c5", [B, h, w, C].
          train: Whether the network is trained.

        Returns:
          The mask features, [B, h, w, features] with the size of "c2", and the maps of
          c5, c4 and c3, each [B, h, w, features] with the size of its level.
        """
        maps = [
            self._block(1, f"project_{level}", bias=True)(pyramid[level], train=train)
            for level in LEVELS
        ]
        sizes = tuple(x.shape[1:3] for x in maps)
        maps = self._attend(maps, sizes)
        fine = self._block(1, "lateral")(pyramid["c2"], train=train)
        fine = fine + resize(maps[-1], fine.shape[1:3])
        fine = self._block(3, "smooth", act="relu")(fine, train=train)
        masks = Conv(self.features, 1, style=self.style, name="mask_features")(fine)
        return masks, maps

    def _attend(self, maps: list[Array], sizes: tuple[Size, ...]) -> list[Array]:
        """Applies the layers of deformable attention to the pixels of all maps."""
        init = nn.initializers.normal(1.0)
        embedding = self.param("level_embedding", init, (len(maps), self.features))
        positions = [
            sine_positions(height, width, self.features) + embedding[level][None, None]
            for level, (height, width) in enumerate(sizes)
        ]
        flat = lambda x: x.reshape(x.shape[0], -1, self.features)
        x = jnp.concatenate([flat(x) for x in maps], axis=1)
        places = jnp.concatenate([flat(x[None]) for x in positions], axis=1)
        centers = jnp.concatenate([_centers(size) for size in sizes])
        for number in range(self.layers):
            layer = DeformableLayer(
                self.heads, self.hidden, self.style, name=f"layer{number}"
            )
            x = layer(x, places, centers, sizes)
        found, start = [], 0
        for height, width in sizes:
            part = x[:, start : start + height * width]
            found.append(part.reshape(-1, height, width, self.features))
            start = start + height * width
        return found

    def _block(
        self, kernel: int, name: str, *, bias: bool = False, act: str = "none"
    ) -> ConvNormAct:
        style = dataclasses.replace(self.style, norm="group", groups=32)
        return ConvNormAct(
            self.features,
            kernel,
            bias=bias,
            act=act,
            epsilon=_EPSILON,
            style=style,
            name=name,
        )


def _centers(size: Size) -> Array:
    """Returns the centers (x, y) of all pixels of a map, from 0 to 1, [h * w, 2]."""
    height, width = size
    rows, columns = (
        (jnp.arange(side, dtype=jnp.float32) + 0.5) / jnp.asarray(side, jnp.float32)
        for side in (height, width)
    )
    shape = (height, width)
    pair = (
        jnp.broadcast_to(columns[None], shape),
        jnp.broadcast_to(rows[:, None], shape),
    )
    return jnp.stack(pair, axis=-1).reshape(-1, 2)
