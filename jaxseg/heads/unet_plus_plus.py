"""The nested decoder of Unet++ as a head for any pyramid (arXiv 1807.10165).

The decoder consists of nodes (d, l) with d <= l. Node (d, l) doubles the size of the
map of node (d, l - 1) or, if d = l, of a pyramid level. It concatenates the result with
the maps of all earlier nodes of this size and the skip map, and convolves it (equation
1 of the paper). Numbers and channels of the nodes are those of
segmentation_models.pytorch.

Differs: in the paper, the classifier can also read the inner nodes (deep supervision,
section 3.2). Here it reads only the last node, which has the size of the image and no
skip map, as in segmentation_models.pytorch.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.unet import levels_of
from jaxseg.heads.unet_block import up_block
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.typing import Array, Pyramid


class UNetPlusPlusHead(nn.Module):
    """Decodes c5 to c1 by nested skip connections, and classifies by a 3x3 convolution.

    Attributes:
      num_classes: Number of classes.
      features: Numbers of channels of the nodes (0, 0), (0, 1) and so on, from coarse
        to fine. Every other node has as many channels as the skip map of its size.
      style: Settings of normalization and dtype, see `BlockConfig`.
      attention: "scse" to gate channels and pixels in each block, or "none", see
        `jaxseg.heads.unet_block.UpBlock`.
      norm: The normalization of the head, a value of `BlockConfig.norm`. If it is None,
        the head has the normalization of `style`.

    Raises:
      ValueError: If `features` does not have three to five entries.
    """

    num_classes: int
    features: tuple[int, ...] = (256, 128, 64, 32, 16)
    style: BlockConfig = BlockConfig()
    attention: str = "none"
    norm: str | None = None

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps the pyramid with c0 to logits [B, H, W, num_classes], float32."""
        *levels, image = levels_of(self.features)
        block = up_block(self.attention, self.norm, self.style)
        maps = [pyramid[level] for level in levels]
        nodes: dict[tuple[int, int], Array] = {}
        for layer, skip in enumerate(maps[1:]):
            for depth in range(layer, -1, -1):
                inner = [nodes[i, layer] for i in range(depth + 1, layer + 1)]
                low = maps[depth] if depth == layer else nodes[depth, layer - 1]
                nodes[depth, layer] = block(
                    low,
                    jnp.concatenate([*inner, skip], axis=-1),
                    skip.shape[1:3],
                    features=skip.shape[-1] if depth else self.features[layer],
                    name=f"node{depth}_{layer}",
                    train=train,
                )
        last = len(levels) - 1
        x = block(
            nodes[0, last - 1],
            None,
            pyramid[image].shape[1:3],
            features=self.features[-1],
            name=f"node0_{last}",
            train=train,
        )
        x = Conv(self.num_classes, 3, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)
