"""The decoders of SETR: naive, progressive upsampling (PUP) and multi-level (MLA).

They follow the authors' code (arXiv 2012.15840). The decoders return logits of
different sizes. The model resizes the logits bilinearly to the size of the image.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.transformer import LayerNorm
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def enlarge(x: Array, factor: int, align_corners: bool = False) -> Array:
    """Upsamples [B, h, w, C] bilinearly by an integer factor."""
    size = (x.shape[1] * factor, x.shape[2] * factor)
    return resize(x, size, align_corners=align_corners)


class UpsamplingHead(nn.Module):
    """Applies LayerNorm, convolutions that alternate with upsampling, and a classifier.

    Normalization and ReLU follow each convolution. The naive decoder has kernel 1 and
    the factors (1,). PUP has kernel 3 and the factors (2, 2, 2, 1), and the model
    doubles the size once more. The auxiliary heads of PUP have kernel 3 and the factors
    (4,).

    Attributes:
      num_classes: Number of classes.
      tap: The level that the head reads.
      kernel: Kernel size of the convolutions.
      features: Number of channels of the convolutions.
      factors: Upsampling factor after each convolution. Differs: in MMSegmentation, the
        naive decoder upsamples by 4 after its convolution (`factors=(4,)`), and the
        logits are then upsampled by the remaining factor.
      bias: Whether the convolutions have a bias before their normalization, as in the
        authors' code. MMSegmentation has none.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    tap: str
    kernel: int = 3
    features: int = 256
    factors: tuple[int, ...] = (2, 2, 2, 1)
    bias: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps [B, h, w, D] to logits, float32, enlarged by all factors."""
        x = LayerNorm(style=self.style, name="norm")(pyramid[self.tap])
        for index, factor in enumerate(self.factors):
            x = ConvNormAct(
                self.features,
                kernel=self.kernel,
                bias=self.bias,
                style=self.style,
                name=f"conv{index}",
            )(x, train=train)
            x = enlarge(x, factor)
        return Classifier(self.num_classes, style=self.style, name="classifier")(
            x, train=train
        )


class MultiLevelNeck(nn.Module):
    """Projects the outputs of four transformer layers to equal channels and sums them.

    There are four results, one for each layer: the sum over this layer and all deeper
    ones. Every layer has its own LayerNorm.
    """

    taps: tuple[str, ...]
    features: int = 256
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Pyramid:
        """Maps {tap: [B, h, w, D]} to {"level<i>": [B, h, w, features]}.

        "level0" comes from the deepest layer.
        """

        def block(x, kernel, name):
            layer = ConvNormAct(
                self.features, kernel=kernel, style=self.style, name=name
            )
            return layer(x, train=train)

        total, levels = None, {}
        for index, tap in enumerate(reversed(self.taps)):
            x = LayerNorm(style=self.style, name=f"norm{index}")(pyramid[tap])
            x = block(x, 1, f"project{index}")
            total = x if total is None else total + x
            levels[f"level{index}"] = block(total, 3, f"extract{index}")
        return levels


class MultiLevelHead(nn.Module):
    """Upsamples each level by 4, concatenates the levels and classifies the result.

    Two 3x3 convolutions with normalization and ReLU precede the upsampling of each
    level.

    Differs: MMSegmentation upsamples with half-pixel centers and has a 1x1 classifier
    (`align_corners=False, kernel=1`). The authors' code aligns corners and has a 3x3
    classifier. This head concatenates the levels from deep to shallow, and the authors'
    code from shallow to deep, so the input channels of the classifier are permuted.
    """

    num_classes: int
    features: int = 128
    kernel: int = 3
    align_corners: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, levels: Pyramid, *, train: bool) -> Array:
        """Maps levels [B, h, w, C] to logits [B, 4 h, 4 w, num_classes], float32."""
        streams = []
        for index in range(len(levels)):
            x = levels[f"level{index}"]
            for step in range(2):
                name = f"stream{index}_{step}"
                layer = ConvNormAct(self.features, style=self.style, name=name)
                x = layer(x, train=train)
            streams.append(enlarge(x, 4, self.align_corners))
        x = jnp.concatenate(streams, axis=-1)
        head = Classifier(
            self.num_classes, kernel=self.kernel, style=self.style, name="classifier"
        )
        return head(x, train=train)
