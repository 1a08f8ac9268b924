"""Self-attention inside the windows of a map, as in Swin (arXiv 2103.14030).

The map is divided into square windows, and each pixel attends to the pixels of its own
window. A learned bias depends on the relative position of the two pixels (section 3.2,
"Relative position bias"). To connect neighboring windows, the windows of every second
layer are shifted by half their side. For this, the map is rolled, and pixels that were
not neighbors before the roll do not attend to each other ("Efficient batch computation
for shifted configuration").
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.transformer import Linear
from jaxseg.ops.open_size import certainly_below
from jaxseg.ops.resize import pad_to_multiple
from jaxseg.ops.windows import divide, join
from jaxseg.typing import Array

_MASKED = -100.0  # Added to the scores of pairs of pixels that were not neighbors.


class WindowAttention(nn.Module):
    """Applies multi-head self-attention inside windows, which may be shifted.

    A map whose size is not a multiple of the window is padded with zeros at the bottom
    and the right. These zeros take part in the attention, as in MMSegmentation.

    Differs: timm rolls the map before it pads it, so that its results differ for maps
      that are not a multiple of the window.

    Attributes:
      heads: Number of attention heads.
      window: Side of a window in pixels.
      shift: Number of pixels by which the windows are shifted down and to the right.
      shift_always: Whether the windows are also shifted along an axis on which the
        padded map has only one window. MMSegmentation does so; timm and torchvision do
        not.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    heads: int
    window: int = 7
    shift: int = 0
    shift_always: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        window, heads, channels = self.window, self.heads, x.shape[-1]
        table = self.param(
            "position_bias",
            nn.initializers.normal(0.02),
            ((2 * window - 1) ** 2, heads),
        )
        x, (height, width) = pad_to_multiple(x, window)
        size = x.shape[1:3]
        shifts = tuple(self._shift(side) for side in size)
        x = jnp.roll(x, tuple(-shift for shift in shifts), axis=(1, 2))
        x = divide(x, window)
        y = Linear(3 * channels, self.style, name="qkv")(x)
        y = y.reshape(*y.shape[:-1], 3, heads, channels // heads)
        query, key, value = (y[..., i, :, :] for i in range(3))
        scores = jnp.einsum(
            "brcnhd,brcmhd->brchnm", query, key, preferred_element_type=jnp.float32
        )
        scores = scores * (channels // heads) ** -0.5
        bias = table[_relative_positions(window)]  # [N, N, heads]
        scores = scores + jnp.moveaxis(bias, -1, 0)[None, None, None]
        if any(shifts):
            scores = scores + _mask(size, window, shifts)[None, :, :, None]
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        y = jnp.einsum("brchnm,brcmhd->brcnhd", weights, value).reshape(x.shape)
        y = Linear(channels, self.style, name="out")(y)
        y = jnp.roll(join(y, window, size), shifts, axis=(1, 2))
        return y[:, :height, :width]

    def _shift(self, side) -> int:
        one = certainly_below(side, self.window + 1)
        return self.shift if self.shift_always or not one else 0


def _relative_positions(window: int) -> np.ndarray:
    """Returns the row of the table of biases for each pair of pixels of a window.

    The result is [window**2, window**2]: the query comes first, then the key.
    """
    index = np.stack(np.divmod(np.arange(window**2), window))
    rows, columns = index[:, :, None] - index[:, None, :] + window - 1
    return rows * (2 * window - 1) + columns


def _mask(size, window: int, shifts: tuple[int, ...]) -> Array:
    """Returns what is added to the scores, [rows, columns, window**2, window**2].

    A rolled map consists of up to three bands along each axis. Only pixels of the same
    bands attend to each other.
    """
    bands = []
    for side, shift in zip(size, shifts, strict=True):
        index = jnp.arange(side)
        bands.append(1 * (index >= side - window) + (index >= side - shift))
    regions = 3 * bands[0][:, None] + bands[1][None]
    regions = divide(regions[None, :, :, None], window)[0, ..., 0]
    return jnp.where(regions[..., None, :] == regions[..., None], 0.0, _MASKED)
