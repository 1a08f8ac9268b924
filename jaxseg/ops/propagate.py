"""Learned linear propagation: SPN (arXiv 1710.01020) and CSPN (arXiv 1808.00150).

SPN sweeps over columns and rows, and each pixel receives values from three neighbors in
the previous column or row. In CSPN, every pixel takes a weighted mean of its eight
neighbors, many times. Both normalize their weights so that the propagation is stable.
Both follow the equations of the papers.
"""

import jax
import jax.numpy as jnp

from jaxseg.text import one_of
from jaxseg.typing import Array

DIRECTIONS = ("right", "left", "down", "up")
OFFSETS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
READS = ("receiver", "source", "release")
_GUARD = 1e-6  # Keeps a division by the sum of the weights finite.


def stable_gates(gates: Array) -> Array:
    """Returns the gates of SPN, divided by sum_k |g_k| where that sum exceeds 1.

    The gates are an array [..., 3]: the weights g_k of the three neighbors that a pixel
    reads. The division makes the propagation stable.
    """
    total = jnp.sum(jnp.abs(gates), axis=-1, keepdims=True)
    return gates / jnp.maximum(total, 1.0)


def spn_sweep(x: Array, gates: Array, *, direction: str = "right") -> Array:
    """Propagates values across a map in one direction, as SPN does.

    Toward the right, column by column, it computes

    h[i, t] = (1 - sum_k g_k[i, t]) x[i, t] + g_1[i, t] h[i-1, t-1]
              + g_2[i, t] h[i, t-1] + g_3[i, t] h[i+1, t-1].

    The gates g_k are read at the pixel that receives the values. A gate for a neighbor
    outside the map counts as 0 in all terms. The result therefore equals x in the first
    column, and everywhere if x is constant.

    Args:
      x: [B, H, W, C].
      gates: [B, H, W, C, 3], normalized by `stable_gates`.
      direction: The direction of travel: "right", "left", "down" or "up".

    Returns:
      [B, H, W, C].

    Raises:
      ValueError: If the direction is unknown.
    """
    if direction not in DIRECTIONS:
        raise ValueError(
            f"direction={direction!r} is invalid{one_of(direction, DIRECTIONS)}"
        )
    axis = 2 if direction in ("right", "left") else 1
    lines = jnp.moveaxis(x, axis, 0)  # [T, B, line, C]
    steps = jnp.moveaxis(gates, axis, 0)
    reverse = direction in ("left", "up")
    steps = steps.at[-1 if reverse else 0].set(0)
    steps = steps.at[:, :, 0, :, 0].set(0).at[:, :, -1, :, 2].set(0)

    def step(before, current):
        line, gate = current
        wide = jnp.pad(before, ((0, 0), (1, 1), (0, 0)))
        near = jnp.stack([wide[:, :-2], before, wide[:, 2:]], axis=-1)
        new = (1 - gate.sum(-1)) * line + (gate * near).sum(-1)
        return new, new

    start = jnp.zeros_like(lines[0])
    _, out = jax.lax.scan(step, start, (lines, steps), reverse=reverse)
    return jnp.moveaxis(out, 0, axis)


def spn(x: Array, gates: Array) -> Array:
    """Propagates values in all four directions and takes the element-wise maximum.

    Args:
      x: [B, H, W, C].
      gates: Gates before normalization, [B, H, W, 4, 3, C]. The four directions are, in
        this order, right, left, down and up.

    Returns:
      [B, H, W, C].

    Raises:
      ValueError: If the shapes do not match.
    """
    if gates.shape[:3] != x.shape[:3] or gates.shape[3:] != (4, 3, x.shape[-1]):
        raise ValueError(
            f"gates.shape={gates.shape} is invalid: expected "
            f"{(*x.shape[:3], 4, 3, x.shape[-1])}, which is [B, H, W, 4, 3, C] for the "
            "sizes of x."
        )
    gates = stable_gates(jnp.moveaxis(gates, 4, -1))
    swept = [
        spn_sweep(x, gates[:, :, :, i], direction=direction)
        for i, direction in enumerate(DIRECTIONS)
    ]
    return jnp.max(jnp.stack(swept), axis=0)


def cspn_kernel(guidance: Array, *, absolute: bool = False, read: str = "receiver"):
    """Computes the weights of the eight neighbors and of the center for CSPN.

    The weight of neighbor p + o_k of pixel p is kappa_k(p) = G_k / sum_l |G_l|, where
    o_k are the offsets (row, column) in `OFFSETS`: (-1, -1), (-1, 0), ..., (1, 1). G_k
    is read from the guidance, and is 0 for neighbors outside the map. The center gets
    1 - sum_k kappa_k(p).

    Args:
      guidance: The weights before normalization, [B, H, W, 8], one channel for each
        offset.
      absolute: Whether |G_k| replaces G_k. The result is then a weighted mean of the
        neighbors, and the center has weight 0.
      read: Where the weight of neighbor p + o_k is read. "receiver" is channel k at the
        pixel p, as in the paper. "source" is channel k at the neighbor p + o_k.
        "release" is channel 7 - k at the neighbor, as in the published code
        (XinJCheng/CSPN). Weights that were trained with that code need "release".

    Returns:
      kappa [B, H, W, 8] in the order of `OFFSETS`, and center [B, H, W, 1].

    Raises:
      ValueError: If `read` is unknown or the number of channels is not 8.
    """
    if read not in READS:
        raise ValueError(f"read={read!r} is invalid{one_of(read, READS)}")
    if guidance.shape[-1] != 8:
        raise ValueError(
            f"guidance.shape={guidance.shape} is invalid: expected 8 channels."
        )
    if read == "release":
        guidance = guidance[..., ::-1]
    if read != "receiver":
        planes = _neighbors(guidance)
        raw = jnp.stack([planes[k][..., k] for k in range(8)], axis=-1)
    else:
        raw = guidance * _inside(*guidance.shape[1:3])[None].astype(guidance.dtype)
    if absolute:
        raw = jnp.abs(raw)
    kappa = raw / jnp.maximum(jnp.sum(jnp.abs(raw), -1, keepdims=True), _GUARD)
    return kappa, 1 - jnp.sum(kappa, -1, keepdims=True)


def cspn(
    x: Array,
    guidance: Array,
    *,
    steps: int = 24,
    absolute: bool = False,
    read: str = "receiver",
    anchor: Array | None = None,
    anchored: Array | None = None,
) -> Array:
    """Runs convolutional spatial propagation (CSPN).

    Each step computes

    H_{t+1}(p) = sum_k kappa_k(p) H_t(p + o_k) + (1 - sum_k kappa_k(p)) H_0(p),

    where o_k are the eight `OFFSETS` and kappa_k the weights from `cspn_kernel`.
    If `anchor` is given (such as sparse measured depth), each step ends with
    H = (1 - m) H + m anchor.
    Differs: the published code inserts H_0 at the pixels of the mask m; pass `anchor=x`
    for that.

    Args:
      x: H_0, [B, H, W, C].
      guidance: [B, H, W, 8].
      steps: Number of iterations, 24 in the paper.
      absolute: Whether weights are made positive first, see `cspn_kernel`.
      read: At which pixel the weight of a neighbor is read: "receiver", "source" or
        "release", see `cspn_kernel`.
      anchor: The known values that every step restores, [B, H, W, C].
      anchored: The mask m, [B, H, W, 1], 1 where `anchor` is known and 0 elsewhere.

    Returns:
      [B, H, W, C].

    Raises:
      ValueError: If only one of `anchor` and `anchored` is given, or an option is out
        of range.
    """
    if (anchor is None) != (anchored is None):
        raise ValueError(
            "anchor or anchored is invalid: expected both to be None or both to be "
            "arrays, but only one is None."
        )
    if steps < 0:
        raise ValueError(f"steps={steps} is invalid: expected 0 or more.")
    kappa, center = cspn_kernel(guidance, absolute=absolute, read=read)
    base = center * x

    def step(current, _):
        near = _neighbors(current)
        new = base + sum(kappa[..., k : k + 1] * near[k] for k in range(8))
        if anchor is not None:
            new = jnp.where(anchored > 0, anchor, new)
        return new, None

    return jax.lax.scan(step, x, length=steps)[0]


def _neighbors(x):
    """Returns x(p + o), [B, H, W, C], for each of the eight offsets; 0 outside."""
    height, width = x.shape[1:3]
    wide = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return [wide[:, 1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in OFFSETS]


def _inside(height, width):
    """Returns [H, W, 8]: 1 where the neighbor is inside the map, 0 elsewhere."""
    planes = _neighbors(jnp.ones((1, height, width, 1)))
    return jnp.concatenate(planes, axis=-1)[0]
