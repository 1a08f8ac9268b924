"""Non-local segmentation head (block: arXiv 1711.07971).

The paper has no segmentation head. This one is MMSegmentation's. It applies a 3x3
convolution, the non-local block and another 3x3 convolution, concatenates the result
with the input of the head, and applies a third 3x3 convolution.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.attention import NonLocal
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.typing import Array, Pyramid


class NonLocalHead(nn.Module):
    """Applies a non-local block to c5 and classifies the result.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of the 3x3 convolutions.
      mode: How the weights between pixels are computed: "embedded_gaussian",
        "gaussian", "dot_product" or "concatenation", see `NonLocal`.
      use_scale: Whether "embedded_gaussian" divides its scores by the square root of
        the number of channels of the queries, as MMSegmentation does.
      subsample: Whether 2x2 max pooling precedes the keys and the values.
      dropout: Dropout rate before the classifier; it drops whole channels.
      attention: "plain" stores the scores of all pairs of pixels at once. "block"
        stores only those of one block of pixels at a time. "auto" chooses one of the
        two by the size of the map.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    mode: str = "embedded_gaussian"
    use_scale: bool = False
    subsample: bool = False
    dropout: float = 0.1
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps c5 [B, h, w, C] to logits [B, h, w, num_classes], float32."""

        def block(x, name):
            layer = ConvNormAct(self.features, style=self.style, name=name)
            return layer(x, train=train)

        x = block(pyramid["c5"], "conv_in")
        x = NonLocal(
            self.mode,
            use_scale=self.use_scale,
            subsample=self.subsample,
            attention=self.attention,
            style=self.style,
            name="non_local",
        )(x, train=train)
        x = block(x, "conv_out")
        x = block(jnp.concatenate([pyramid["c5"], x], axis=-1), "conv_cat")
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        return head(x, train=train)
