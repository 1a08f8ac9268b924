"""DANet's head: position and channel attention in parallel (arXiv 1809.02983)."""

from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.attention import ChannelAttention, PositionAttention
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import ConvNormAct
from jaxseg.typing import Array, Pyramid


class DualAttentionHead(nn.Module):
    """c5 -> {"logits", "aux_position", "aux_channel"} at c5's resolution.

    Each attention lies between two 3x3-norm-ReLU; three classifiers, on either branch
    and on their sum; the three cross entropies are summed with weight 1.

    Args of the class:
      variant: softmax of the channel attention, "paper" or "release".
      reduction: channels of the position attention's keys, features / reduction.
    """

    num_classes: int
    features: int = 512
    reduction: int = 8
    variant: str = "paper"
    dropout: float = 0.1
    attention: str = "auto"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> dict[str, Array]:
        """See the class."""
        position = PositionAttention(
            self.reduction, self.attention, self.style, name="position_attention"
        )
        channel = ChannelAttention(self.variant, self.style, name="channel_attention")
        position = self._branch(pyramid["c5"], position, "position", train)
        channel = self._branch(pyramid["c5"], channel, "channel", train)
        return {
            "logits": self._classify(position + channel, "fused", train),
            "aux_position": self._classify(position, "position", train),
            "aux_channel": self._classify(channel, "channel", train),
        }

    def _branch(self, x, attention, name, train):
        for side in ("in", "out"):
            block = ConvNormAct(self.features, style=self.style, name=f"{name}_{side}")
            x = block(x, train=train)
            x = attention(x, train=train) if side == "in" else x
        return x

    def _classify(self, x, name, train):
        layer = Classifier(
            self.num_classes,
            dropout=self.dropout,
            style=self.style,
            name=f"{name}_classifier",
        )
        return layer(x, train=train)
