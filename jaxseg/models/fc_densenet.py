"""FC-DenseNet, "The One Hundred Layers Tiramisu" (arXiv 1611.09326).

The contracting and the expanding path consist of dense blocks. Each transposed
convolution reads only the maps that the block before it has added to its input.
As in the released code, the classifier reads the input and all maps of the last block.

Differs: the released code normalizes with batch statistics in evaluation as well. Here
evaluation uses running averages, as in all of jaxseg. The epsilon of the normalization
is 1e-5; the released code has Lasagne's 1e-4 (`style=BlockConfig(epsilon=1e-4)`).
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.dense import DenseBlock, TransitionDown, TransitionUp
from jaxseg.nn.layers import Conv
from jaxseg.ops.open_size import ImageTooSmall, any_below
from jaxseg.typing import Array

# Layers per dense block: five down, the bottleneck, five up; as in the paper.
LAYERS_56 = (4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)
LAYERS_67 = (5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
LAYERS_103 = (4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4)


class FCDenseNet(nn.Module):
    """Applies FC-DenseNet; returns logits at the resolution of the image.

    The sides of the image must have at least 2**depth pixels.

    Attributes:
      num_classes: Number of classes.
      layers: Number of layers of the contracting blocks, the bottleneck and the
        expanding blocks. The depth is the number of contracting blocks.
      growth: Number of new channels of each layer.
      stem: Number of channels of the first convolution.
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If `layers` has an even length or the image is too small.
    """

    num_classes: int
    layers: tuple[int, ...] = LAYERS_103
    growth: int = 16
    stem: int = 48
    dropout: float = 0.2
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        depth = check_layers(self.layers)
        if any_below(image.shape[1:3], 2**depth):
            raise ImageTooSmall(
                f"image size={image.shape[1:3]} is invalid: expected sides of at least "
                f"{2**depth} pixels for {depth} poolings. Pad the image."
            )
        x = Conv(self.stem, 3, kernel_init="he_uniform", style=self.style, name="stem")(
            image
        )
        skips = []
        for i in range(depth):
            x, _ = self._block(
                x, layers=self.layers[i], name=f"down{i + 1}", train=train
            )
            skips.append(x)
            down = TransitionDown(self.dropout, self.style, name=f"transition{i + 1}")
            x = down(x, train=train)
        _, new = self._block(
            x, layers=self.layers[depth], name="bottleneck", train=train
        )
        for i in range(depth):
            x = TransitionUp(self.style, name=f"transition_up{i + 1}")(
                new, skips[depth - 1 - i]
            )
            x, new = self._block(
                x, layers=self.layers[depth + 1 + i], name=f"up{i + 1}", train=train
            )
        x = Conv(
            self.num_classes,
            1,
            kernel_init="he_uniform",
            style=self.style,
            name="classifier",
        )(x)
        return {"logits": x.astype(jnp.float32)}

    def _block(self, x, layers, name, train) -> tuple[Array, Array]:
        block = DenseBlock(
            layers,
            growth=self.growth,
            dropout=self.dropout,
            style=self.style,
            name=name,
        )
        return block(x, train=train)


def check_layers(layers: Sequence[int]) -> int:
    """Returns the number of poolings of an FC-DenseNet with the given dense blocks.

    Args:
      layers: The number of layers of each dense block.

    Raises:
      ValueError: Unless there is an odd number of blocks, 3 or more.
    """
    if len(layers) < 3 or len(layers) % 2 == 0:
        raise ValueError(
            f"layers={layers} is invalid: expected the number of layers in each "
            "block, for an odd number of blocks of at least 3."
        )
    return len(layers) // 2


def fc_densenet56(
    num_classes: int,
    *,
    layers: tuple[int, ...] = LAYERS_56,
    growth: int = 12,
    stem: int = 48,
    dropout: float = 0.2,
    style: BlockConfig = BlockConfig(),
) -> FCDenseNet:
    """Creates FC-DenseNet56 (arXiv 1611.09326).

    The options are the attributes of `FCDenseNet`, such as `layers` and `growth`.
    """
    return FCDenseNet(
        num_classes,
        layers=layers,
        growth=growth,
        stem=stem,
        dropout=dropout,
        style=style,
    )


def fc_densenet67(
    num_classes: int,
    *,
    layers: tuple[int, ...] = LAYERS_67,
    growth: int = 16,
    stem: int = 48,
    dropout: float = 0.2,
    style: BlockConfig = BlockConfig(),
) -> FCDenseNet:
    """Creates FC-DenseNet67 (arXiv 1611.09326).

    The options are the attributes of `FCDenseNet`, such as `layers` and `growth`.
    """
    return FCDenseNet(
        num_classes,
        layers=layers,
        growth=growth,
        stem=stem,
        dropout=dropout,
        style=style,
    )


def fc_densenet103(
    num_classes: int,
    *,
    layers: tuple[int, ...] = LAYERS_103,
    growth: int = 16,
    stem: int = 48,
    dropout: float = 0.2,
    style: BlockConfig = BlockConfig(),
) -> FCDenseNet:
    """Creates FC-DenseNet103 (arXiv 1611.09326).

    The options are the attributes of `FCDenseNet`, such as `layers` and `growth`.
    """
    return FCDenseNet(
        num_classes,
        layers=layers,
        growth=growth,
        stem=stem,
        dropout=dropout,
        style=style,
    )
