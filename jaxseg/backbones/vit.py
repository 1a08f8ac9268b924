"""Vision transformer trunk (arXiv 2010.11929, DeiT arXiv 2012.12877) for maps.

Patch embedding, class token, learned position embedding, pre-norm layers; chosen layers
are handed out as maps, without a final norm (SETR's heads bring their own, arXiv
2012.15840). Inputs of another size than `image_size` get the position embedding resized
bilinearly; sizes that are no multiple of the patch are padded below and to the right.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.transformer import TransformerBlock
from jaxseg.ops.resize import pad_to_multiple, resize
from jaxseg.typing import Array, Pyramid, Size


class ViT(nn.Module):
    """image [B, H, W, C] -> {"layer<i>": [B, ceil(H/p), ceil(W/p), width]}, i in taps.

    Args of the class:
      image_size: size the position embedding is made for; a multiple of `patch`.
      drop_class_token: leave the class token out before the first layer (SETR-MLA), or
        carry it through and leave it out of the maps (Naive, PUP).
      dropout: after the embedding, and inside the layers.
      patch_bias: of the patch embedding; MMSegmentation has none.
      distilled: a second token behind the class token, as in distilled DeiT.
    """

    depth: int = 24
    width: int = 1024
    heads: int = 16
    patch: int = 16
    image_size: Size = (768, 768)
    taps: tuple[int, ...] = (23,)
    drop_class_token: bool = False
    dropout: float = 0.0
    patch_bias: bool = True
    attention: str = "auto"
    style: Style = Style()
    distilled: bool = False

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """See the class."""
        self._check()
        x, size = self._embed(image, train)
        pyramid = {}
        for index in range(max(self.taps) + 1):
            block = TransformerBlock(
                self.heads,
                dropout=self.dropout,
                attention=self.attention,
                style=self.style,
                name=f"layer{index}",
            )
            x = block(x, train=train)
            if index in self.taps:
                tokens = x if self.drop_class_token else x[:, 1 + self.distilled :]
                pyramid[f"layer{index}"] = tokens.reshape(x.shape[0], *size, -1)
        return pyramid

    def _check(self):
        if not self.taps or max(self.taps) >= self.depth or min(self.taps) < 0:
            raise ValueError(f"taps {self.taps} must lie in 0..{self.depth - 1}")
        if any(side % self.patch for side in self.image_size):
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch {self.patch}"
            )

    def _embed(self, image, train):
        """Tokens [B, own tokens + h * w or h * w, width] and (h, w)."""
        image, _ = pad_to_multiple(image, self.patch)
        x = Conv(
            self.width,
            kernel=self.patch,
            stride=self.patch,
            padding=0,
            bias=self.patch_bias,
            style=self.style,
            name="patch",
        )(image)
        batch, *size, width = x.shape
        grid = tuple(side // self.patch for side in self.image_size)
        normal = nn.initializers.truncated_normal(0.02)
        names = ("class_token", "distillation_token")[: 1 + self.distilled]
        zeros = nn.initializers.zeros
        own = [self.param(name, zeros, (1, 1, width)).astype(x.dtype) for name in names]
        shape = (1, len(own) + grid[0] * grid[1], width)
        position = self.param("position", normal, shape)
        position = resize_position(position, grid, tuple(size))
        own = [jnp.broadcast_to(token, (batch, 1, width)) for token in own]
        x = jnp.concatenate([*own, x.reshape(batch, -1, width)], axis=1)
        x = Dropout(self.dropout)(x + position.astype(x.dtype), train=train)
        return (x[:, len(own) :] if self.drop_class_token else x), size


def resize_position(position: Array, grid: Size, size: Size) -> Array:
    """Bilinear, half-pixel [1, tokens + h * w, D]; those before the map stay."""
    if grid == size:
        return position
    width = position.shape[-1]
    own = position.shape[1] - grid[0] * grid[1]
    plane = resize(position[:, own:].reshape(1, *grid, width), size)
    return jnp.concatenate([position[:, :own], plane.reshape(1, -1, width)], axis=1)
