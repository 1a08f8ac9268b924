"""Copies a sharded feature map to all devices once, for several atrous convolutions."""

from collections.abc import Sequence

from jaxseg.ops.spatial.layout import gather_rows
from jaxseg.typing import Array


def share_between_rates(x: Array, rates: Sequence[int]) -> Array:
    """Prepares a map for several atrous convolutions with different rates.

    If the rows of the map are sharded over devices and a kernel reaches beyond a
    device's rows, every device gets a copy of the whole map, which serves all rates.
    Otherwise x is returned unchanged.

    Args:
      x: [B, H, W, C].
      rates: The atrous rates of 3x3 convolutions.

    Returns:
      The copied map [B, N, H, W, C] for N devices, or x. `jaxseg.ops.conv.conv` and the
      layers that call it accept both.
    """
    return gather_rows(x, max(rates, default=0))
