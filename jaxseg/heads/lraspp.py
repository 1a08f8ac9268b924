"""Lite R-ASPP, the head of MobileNet v3 (arXiv 1905.02244, section 6.4)."""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.open_size import smaller
from jaxseg.ops.pool import adaptive_avg_pool, avg_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


class LRASPPHead(nn.Module):
    """Gates deep features by their pooled mean, and adds logits of a low-level map.

    The result has the size of the low-level map.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of the gated features.
      low_tap: The pyramid level of the low-level features.
      tap: The level that is pooled and gated.
      window: Pooling window and stride, each (rows, columns) in feature pixels. The
        paper pools 49 x 49 windows with stride (16, 20) on large maps. Windows that
        are larger than the map shrink to its size. None pools globally. Differs: None
        is the default, as in torchvision.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 128
    low_tap: str = "c3"
    tap: str = "c5"
    window: tuple[tuple[int, int], tuple[int, int]] | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        low, high = pyramid[self.low_tap], pyramid[self.tap]
        x = ConvNormAct(self.features, 1, style=self.style, name="conv")(
            high, train=train
        )
        gate = Conv(self.features, 1, bias=False, style=self.style, name="gate")
        weight = nn.sigmoid(gate(self._pool(high)))
        x = x * resize(weight, x.shape[1:3])
        x = resize(x, low.shape[1:3])
        low = Conv(self.num_classes, 1, style=self.style, name="low_score")(low)
        return low + Conv(self.num_classes, 1, style=self.style, name="score")(x)

    def _pool(self, x):
        if self.window is None:
            return adaptive_avg_pool(x, 1)
        window, stride = self.window
        window = tuple(smaller(w, s) for w, s in zip(window, x.shape[1:3], strict=True))
        return avg_pool(x, window=window, stride=stride)
