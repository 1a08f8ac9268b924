"""The head of DANet: position and channel attention in parallel (arXiv 1809.02983)."""

from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.attention import ChannelAttention, PositionAttention
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.typing import Array, Pyramid


class DualAttentionHead(nn.Module):
    """Applies position and channel attention to c5 in two branches.

    In each branch, a 3x3 convolution with normalization and ReLU precedes the
    attention, and another one follows it. Three classifiers read the two branches and
    their sum. The paper's loss is the sum of the three cross entropies.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of each branch.
      reduction: The keys of the position attention have features / reduction channels.
      variant: How the channel attention is computed: "paper" or "release", see
        `ChannelAttention`.
      dropout: Dropout rate before the classifiers.
      attention: "plain" stores the scores of all pairs of pixels at once. "block"
        stores only those of one block of pixels at a time. "auto" chooses one of the
        two by the size of the map.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    reduction: int = 8
    variant: str = "paper"
    dropout: float = 0.1
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> dict[str, Array]:
        """Returns "logits", "aux_position" and "aux_channel" at the size of c5."""
        position = PositionAttention(
            self.reduction, self.attention, self.style, name="position_attention"
        )
        channel = ChannelAttention(self.variant, self.style, name="channel_attention")
        position = self._branch(
            pyramid["c5"], attention=position, name="position", train=train
        )
        channel = self._branch(
            pyramid["c5"], attention=channel, name="channel", train=train
        )
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
