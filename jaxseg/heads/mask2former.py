"""The head of Mask2Former: queries that each predict a class and a mask.

A pixel decoder computes maps at three scales and mask features at a finer one. A
transformer updates learned queries from these maps; each layer reads one scale, and
each query reads only the pixels of the mask that it predicted before (masked attention,
arXiv 2112.01527, section 3.2). `semantic_logits` turns classes and masks into scores
for each pixel.

Differs: there is no dropout. The published networks have the dropout rate 0.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.heads.pixel_decoder import PixelDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.query_attention import QueryLayer
from jaxseg.nn.sine_position import sine_positions
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid, Size

_EPSILON = 1e-5  # Of all normalizations.


class Mask2FormerHead(nn.Module):
    """Predicts a class and a mask for each query, initially and after each layer.

    Attributes:
      num_classes: Number of classes, without "no object".
      features: Number of channels of maps and queries, a multiple of 4.
      queries: Number of queries.
      layers: Number of layers that update the queries. They read c5, c4 and c3 in turn.
      attention_heads: Number of attention heads in these layers and in the pixel
        decoder.
      hidden: Number of channels inside the MLPs of these layers.
      pixel_layers: Number of layers of the pixel decoder.
      pixel_hidden: Number of channels inside the MLPs of the pixel decoder.
      style: Settings such as the dtype, see `BlockConfig`. The convolutions have group
        normalization, whatever `style.norm` is.
    """

    num_classes: int
    features: int = 256
    queries: int = 100
    layers: int = 9
    attention_heads: int = 8
    hidden: int = 2048
    pixel_layers: int = 6
    pixel_hidden: int = 1024
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> dict[str, Array]:
        """Decodes a pyramid with the levels "c2" to "c5".

        Args:
          pyramid: Maps [B, h, w, C].
          train: Whether the network is trained.

        Returns:
          "query_classes": logits of the classes of each query, float32 [B, layers + 1,
          queries, num_classes + 1]. The last class means "no object".
          "query_masks": logits of the mask of each query, float32 [B, layers + 1, h, w,
          queries], with the size of "c2".
          Entry 0 of the second axis comes from the learned queries, and entry i from
          layer i.
        """
        decoder = PixelDecoder(
            self.features,
            layers=self.pixel_layers,
            heads=self.attention_heads,
            hidden=self.pixel_hidden,
            style=self.style,
            name="pixel_decoder",
        )
        fine, maps = decoder(pyramid, train=train)
        sizes = [x.shape[1:3] for x in maps]
        pixels, keys = self._sources(maps)
        x, positions = self._queries(fine.shape[0])
        predict = _Predictions(
            self.num_classes, self.features, self.style, name="predictions"
        )
        found = [predict(x, fine)]
        for number in range(self.layers):
            level = number % len(maps)
            mask = attended_pixels(found[-1][1], sizes[level])
            layer = QueryLayer(
                self.attention_heads, self.hidden, self.style, name=f"layer{number}"
            )
            x = layer(x, positions, pixels[level], keys[level], mask)
            found.append(predict(x, fine))
        classes, masks = zip(*found, strict=True)
        return {
            "query_classes": jnp.stack(classes, axis=1),
            "query_masks": jnp.stack(masks, axis=1),
        }

    def _sources(self, maps: list[Array]) -> tuple[list[Array], list[Array]]:
        """Returns the pixels of each map, without and with their positions."""
        init = nn.initializers.normal(1.0)
        embedding = self.param("level_embedding", init, (len(maps), self.features))
        embedding = embedding.astype(self.style.dtype)
        pixels, keys = [], []
        for level, x in enumerate(maps):
            x = x.astype(self.style.dtype) + embedding[level].reshape(1, 1, 1, -1)
            _, height, width, _ = x.shape
            places = sine_positions(height, width, self.features)[None]
            shape = (x.shape[0], -1, self.features)
            pixels.append(x.reshape(shape))
            keys.append((x + places.astype(x.dtype)).reshape(shape))
        return pixels, keys

    def _queries(self, batch: int) -> list[Array]:
        """Returns the learned queries and their positions, each [B, N, C]."""
        shape = (self.queries, self.features)
        return [
            jnp.broadcast_to(
                self.param(name, nn.initializers.normal(1.0), shape)[None],
                (batch, *shape),
            ).astype(self.style.dtype)
            for name in ("query_features", "query_positions")
        ]


class _Predictions(nn.Module):
    """Predicts classes and masks from queries, with the same weights for all layers."""

    num_classes: int
    features: int
    style: BlockConfig

    @nn.compact
    def __call__(self, x: Array, fine: Array) -> tuple[Array, Array]:
        """Maps [B, N, C] and [B, h, w, C] to [B, N, K + 1] and [B, h, w, N]."""
        x = LayerNorm(_EPSILON, self.style, name="norm")(x)
        classes = Linear(self.num_classes + 1, self.style, name="classes")(x)
        for number in range(2):
            layer = Linear(self.features, self.style, name=f"mask_{number}")
            x = jax.nn.relu(layer(x))
        x = Linear(self.features, self.style, name="mask_2")(x)
        masks = jnp.einsum(
            "bnc,bhwc->bhwn", x, fine, preferred_element_type=jnp.float32
        )
        return classes.astype(jnp.float32), masks


def attended_pixels(masks: Array, size: Size) -> Array:
    """Returns which pixels of a map each query reads (masked attention).

    A query reads the pixels in which its mask has a probability of at least 0.5. If
    there are none, it reads all pixels. No gradient flows through the result.

    Args:
      masks: Logits of the masks, [B, h, w, N].
      size: Height and width of the map.

    Returns:
      Booleans [B, N, height * width].

    References:
      Cheng et al., Mask2Former, arXiv 2112.01527, equation 3. As in the authors' code,
      a query with an empty mask reads all pixels.
    """
    inside = jax.nn.sigmoid(resize(lax.stop_gradient(masks), size)) >= 0.5
    inside = jnp.moveaxis(inside, -1, 1).reshape(masks.shape[0], masks.shape[-1], -1)
    return inside | ~jnp.any(inside, axis=-1, keepdims=True)


def semantic_logits(classes: Array, masks: Array) -> Array:
    """Combines the classes and masks of all queries into logits of the classes.

    Each query adds a product to the score of class k in a pixel: the probability that
    the query has class k, times the probability that its mask contains the pixel. The
    logit is the logarithm of the score. The softmax of the logits is therefore the
    score divided by the sum of the scores of all classes. The class with the largest
    logit is the class that Mask2Former predicts.

    Args:
      classes: Logits of the classes and of "no object", [B, N, K + 1].
      masks: Logits of the masks, [B, H, W, N].

    Returns:
      float32 [B, H, W, K].

    References:
      Cheng et al., MaskFormer, arXiv 2107.06278, section 3.4, "semantic inference".
    """
    odds = jax.nn.softmax(classes.astype(jnp.float32), axis=-1)[..., :-1]
    inside = jax.nn.sigmoid(masks.astype(jnp.float32))
    scores = jnp.einsum("bnk,bhwn->bhwk", odds, inside)
    return jnp.log(jnp.maximum(scores, jnp.finfo(jnp.float32).tiny))
