"""The head of OCR, object-contextual representations (arXiv 1909.11065)."""

from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.object_context import ObjectContext
from jaxseg.typing import Array


class OCRHead(nn.Module):
    """Classifies each pixel by its own features and by features of object regions.

    There is one region for each class, which coarse logits define. A pixel attends to
    the regions.

    The layers are, in this order: a 3x3 convolution with normalization and ReLU, the
    object context, dropout of whole channels and a 1x1 classifier.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of the pixel features.
      key_features: Number of channels of the queries (of pixels) and of the keys (of
        object regions) in the attention.
      bias: Whether the 3x3 convolution has a bias.
      block_bias: Whether the convolutions of the object context have a bias, as in
        openseg.pytorch.
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    key_features: int = 256
    bias: bool = True
    block_bias: bool = False
    dropout: float = 0.05
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, coarse: Array, *, train: bool) -> Array:
        """Maps x [B, h, w, C] and coarse logits [B, h, w, K] to logits, float32."""
        x = ConvNormAct(self.features, bias=self.bias, style=self.style, name="pixel")(
            x, train=train
        )
        x = ObjectContext(
            self.key_features, bias=self.block_bias, style=self.style, name="context"
        )(x, coarse, train=train)
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        return head(x, train=train)
