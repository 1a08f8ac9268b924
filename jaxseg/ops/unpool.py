"""Unpools maps by stored positions, by inserting zeros, or by repeating pixels."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.ops.lowering.pool_argmax import from_winners, to_winners
from jaxseg.ops.lowering.portable import is_portable
from jaxseg.ops.spatial.blocks import blockwise
from jaxseg.ops.spatial.layout import is_split
from jaxseg.typing import Array, Size, pair


def max_unpool(x: Array, position: Array, size: Size) -> Array:
    """Undoes 2x2 max pooling: writes each value where the maximum was and 0 elsewhere.

    Args:
      x: Values [B, h, w, C].
      position: int8 [B, h, w, C], 0 to 3, from `jaxseg.ops.pool.max_pool_argmax`.
      size: (H, W) of the map that was pooled; H is 2h or 2h - 1, and W likewise.

    Returns:
      [B, H, W, C].

    Raises:
      ValueError: If the shapes do not match.

    References:
      SegNet (arXiv 1511.00561), figure 3; DeconvNet (arXiv 1505.04366).
    """
    check_halved(x, size)
    if position.shape != x.shape:
        raise ValueError(
            f"position.shape={position.shape} is invalid: expected {x.shape}, the "
            "shape of x."
        )
    b, h, w, c = x.shape
    write = _written if is_portable() else _unpool
    full = write((b, 2 * h, 2 * w, c), x, position)
    return full[:, : size[0], : size[1]]


def check_halved(x: Array, size: Size) -> None:
    """Raises ValueError unless the map x has half the height and width `size`.

    For `size` (H, W), the map must be [B, ceil(H / 2), ceil(W / 2), C].
    """
    for name, full, half in zip(("height", "width"), size, x.shape[1:3], strict=True):
        if not 2 * half - 1 <= full <= 2 * half:
            raise ValueError(
                f"{name}={full} is invalid: expected {2 * half - 1} or {2 * half}, "
                f"because the {name} of the map is {half} and pooling by 2 rounds up."
            )


_CELL = ((2, 2), (2, 2))


def _written(shape, x, position):
    return to_winners(x, position, shape, *_CELL)


_unpool = jax.custom_vjp(_written, nondiff_argnums=(0,))


def _unpool_forward(shape, x, position):
    return _unpool(shape, x, position), position


def _unpool_backward(shape, position, grad):
    return from_winners(grad, position, *_CELL), None


_unpool.defvjp(_unpool_forward, _unpool_backward)


def bed_of_nails(
    x: Array, factor: int | tuple[int, int], size: Size | None = None
) -> Array:
    """Enlarges each pixel to a block with its value at the top left, and 0 elsewhere.

    Args:
      x: [B, h, w, C].
      factor: The size of a block in pixels.
      size: The height and width to crop to. None keeps (h * factor, w * factor).

    Returns:
      [B, *size, C].
    """
    fh, fw = pair(factor)
    size = size or (x.shape[1] * fh, x.shape[2] * fw)
    widths = [
        (0, full - ((n - 1) * f + 1), f - 1)
        for full, n, f in zip(size, x.shape[1:3], (fh, fw), strict=True)
    ]
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *widths, (0, 0, 0)))


def nearest(x: Array, factor: int | tuple[int, int]) -> Array:
    """Repeats each pixel: [B, h, w, C] becomes [B, h * factor, w * factor, C]."""
    local = functools.partial(_repeated, *pair(factor))
    return blockwise(local, x, block=pair(factor)) if is_split() else local(x)


def _repeated(fh, fw, x):
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, fh, w, fw, c))
    return x.reshape(b, h * fh, w * fw, c)
