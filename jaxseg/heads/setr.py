"""SETR's decoders: naive, progressive upsampling (PUP), multi-level (MLA).

arXiv 2012.15840, in the form of the authors' code. Each ends in logits on some grid;
the last bilinear step to the image's size is the model's.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.transformer import LayerNorm
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def enlarge(x: Array, factor: int, align_corners: bool = False) -> Array:
    """Bilinear upsampling by a whole factor [B, f * h, f * w, C]."""
    size = (x.shape[1] * factor, x.shape[2] * factor)
    return resize(x, size, align_corners=align_corners)


class UpsamplingHead(nn.Module):
    """LayerNorm, then convs-norm-ReLU each followed by a bilinear step, then 1x1.

    Naive: kernel 1, factors (1,). PUP: kernel 3, factors (2, 2, 2, 1) and the model's
    own last doubling; its auxiliary heads: kernel 3, factors (4,).
    The authors' convolutions have a bias before their norm. Differs in MMSegmentation:
    none (`bias=False`), and naive enlarges in two steps (`factors=(4,)`).
    """

    num_classes: int
    tap: str
    kernel: int = 3
    features: int = 256
    factors: tuple[int, ...] = (2, 2, 2, 1)
    bias: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """{tap: [B, h, w, D]} -> [B, h * prod(factors), ..., num_classes] float32."""
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
    """Four layers -> four maps of equal width, summed from deep to shallow.

    Returns {"level0": from the deepest, ...}. Every tap has its own LayerNorm.
    """

    taps: tuple[str, ...]
    features: int = 256
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Pyramid:
        """{tap: [B, h, w, D]} -> {"level<i>": [B, h, w, features]}."""

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
    """Per level 3x3, 3x3, up by 4; concat; 3x3 to the classes.

    Differs: MMSegmentation enlarges with half-pixel corners and classifies with a 1x1
    (`align_corners=False, kernel=1`); the authors' code with aligned corners and 3x3.
    Streams are concatenated from deep to shallow, in the authors' code from shallow to
    deep: the classifier's input channels are permuted.
    """

    num_classes: int
    features: int = 128
    kernel: int = 3
    align_corners: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, levels: Pyramid, *, train: bool) -> Array:
        """Levels [B, h, w, C] -> [B, 4 h, 4 w, num_classes] float32."""
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
