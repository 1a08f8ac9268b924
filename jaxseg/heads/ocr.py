"""OCR's head: pixels, soft object regions, their relation (arXiv 1909.11065)."""

from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.object_context import ObjectContext
from jaxseg.typing import Array


class OCRHead(nn.Module):
    """Pixel features and coarse logits -> logits [B, h, w, num_classes].

    3x3-norm-ReLU, object context, dropout of channels, 1x1. `block_bias`: convolutions
    inside the object context have a bias (openseg).
    """

    num_classes: int
    features: int = 512
    key_features: int = 256
    bias: bool = True
    block_bias: bool = False
    dropout: float = 0.05
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, coarse: Array, *, train: bool) -> Array:
        """x [B, h, w, C], coarse logits [B, h, w, K] -> float32."""
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
