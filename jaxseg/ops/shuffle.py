"""Rearranges channels into blocks of pixels (depth to space) and back.

Libraries order the channels in two ways. With "dcr" (depth, column, row; TensorFlow,
and DUC in MXNet), consecutive channels belong to one pixel of the block. With "crd"
(PyTorch's `pixel_shuffle`), consecutive channels belong to different pixels of the
block (Shi et al., arXiv 1609.05158).
"""

from functools import partial

from jaxseg.ops.spatial.blocks import blockwise, from_blocks
from jaxseg.ops.spatial.layout import is_split
from jaxseg.text import one_of
from jaxseg.typing import Array, pair

_ORDERS = ("dcr", "crd")


def _check_order(order):
    if order not in _ORDERS:
        raise ValueError(f"order={order!r} is invalid{one_of(order, _ORDERS)}")


def depth_to_space(x: Array, block: int | tuple[int, int], order: str = "dcr") -> Array:
    """Moves channels to pixels: [B, H, W, bh * bw * C] to [B, H * bh, W * bw, C].

    Pixel (i, j) becomes a block of bh x bw pixels. Its channel (r * bw + s) * C + c
    ("dcr") or c * bh * bw + r * bw + s ("crd") becomes channel c of the pixel (i * bh +
    r, j * bw + s).

    Args:
      x: [B, H, W, bh * bw * C].
      block: The block (bh, bw) in pixels, or one number for both.
      order: "dcr" or "crd".

    Raises:
      ValueError: If the channels are not a multiple of the block, or the order is
        unknown.
    """
    _check_order(order)
    (bh, bw), depth = pair(block), x.shape[-1]
    if depth % (bh * bw):
        raise ValueError(
            f"x of shape {x.shape} is invalid: expected a multiple of "
            f"{bh} * {bw} = {bh * bw} channels, one for each pixel of the block."
        )
    local = partial(_to_space, bh=bh, bw=bw, order=order)
    return blockwise(local, x, block=(bh, bw)) if is_split() else local(x)


def _to_space(x, bh, bw, order):
    b, h, w, depth = x.shape
    c = depth // (bh * bw)
    if order == "dcr":
        x = x.reshape(b, h, w, bh, bw, c).transpose(0, 1, 3, 2, 4, 5)
    else:
        x = x.reshape(b, h, w, c, bh, bw).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(b, h * bh, w * bw, c)


def space_to_depth(x: Array, block: int | tuple[int, int], order: str = "dcr") -> Array:
    """Moves pixels to channels; the inverse of `depth_to_space`.

    Args:
      x: [B, H * bh, W * bw, C].
      block: The block (bh, bw) in pixels, or one number for both.
      order: "dcr" or "crd".

    Returns:
      [B, H, W, bh * bw * C].

    Raises:
      ValueError: If the size is not a multiple of the block, or the order is unknown.
    """
    _check_order(order)
    (bh, bw), (h, w) = pair(block), x.shape[1:3]
    if h % bh or w % bw:
        raise ValueError(
            f"x of shape {x.shape} is invalid: expected a height and width that are "
            f"multiples of the block ({bh}, {bw})."
        )
    local = partial(_to_depth, bh=bh, bw=bw, order=order)
    return from_blocks(local, x, (bh, bw)) if is_split() else local(x)


def _to_depth(x, bh, bw, order):
    b, h, w, c = x.shape
    x = x.reshape(b, h // bh, bh, w // bw, bw, c)
    axes = (0, 1, 3, 2, 4, 5) if order == "dcr" else (0, 1, 3, 5, 2, 4)
    return x.transpose(axes).reshape(b, h // bh, w // bw, bh * bw * c)
