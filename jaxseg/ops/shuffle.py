"""Sub-pixel rearrangements: channels to space and back.

Both cell orders are in use: "dcr" (depth, column, row: TensorFlow, DUC in MXNet order)
keeps the block offset in the slow channel index, "crd" (PyTorch's `pixel_shuffle`) in
the fast one (Shi et al., arXiv 1609.05158).
"""

from jaxseg.typing import Array, pair

_ORDERS = ("dcr", "crd")


def _check_order(order):
    if order not in _ORDERS:
        raise ValueError(f"order {order!r} is unknown; allowed are {_ORDERS}")


def depth_to_space(x: Array, block: int | tuple[int, int], order: str = "dcr") -> Array:
    """[B, H, W, bh * bw * C] -> [B, H * bh, W * bw, C].

    Channel (r * bw + s) * C + c ("dcr") or c * bh * bw + r * bw + s ("crd") goes to
    pixel (i * bh + r, j * bw + s).
    """
    _check_order(order)
    (bh, bw), (b, h, w, depth) = pair(block), x.shape
    if depth % (bh * bw):
        raise ValueError(
            f"{depth} channels are not a multiple of the block {bh} x {bw} = {bh * bw}"
        )
    c = depth // (bh * bw)
    if order == "dcr":
        x = x.reshape(b, h, w, bh, bw, c).transpose(0, 1, 3, 2, 4, 5)
    else:
        x = x.reshape(b, h, w, c, bh, bw).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(b, h * bh, w * bw, c)


def space_to_depth(x: Array, block: int | tuple[int, int], order: str = "dcr") -> Array:
    """[B, H * bh, W * bw, C] -> [B, H, W, bh * bw * C]; inverse of `depth_to_space`."""
    _check_order(order)
    (bh, bw), (b, h, w, c) = pair(block), x.shape
    if h % bh or w % bw:
        raise ValueError(f"size {h} x {w} is not a multiple of the block {bh} x {bw}")
    x = x.reshape(b, h // bh, bh, w // bw, bw, c)
    axes = (0, 1, 3, 2, 4, 5) if order == "dcr" else (0, 1, 3, 5, 2, 4)
    return x.transpose(axes).reshape(b, h // bh, w // bw, bh * bw * c)
