"""Copies a sharded feature map to all devices once, for several atrous convolutions."""

from collections.abc import Sequence

from jaxseg.ops.spatial.layout import gather_rows
from jaxseg.typing import Array


def share_between_rates(x: Array, rates: Sequence[int]) -> Array:
    """Prepares a map for several atrous convolutions with different rates.

    If the rows of the map are sharded over devices and a kernel reaches beyond a
    device's rows, the map is gathered once for all rates. Otherwise x is returned
    unchanged.

    Args:
      x: [B, H, W, C].
      rates: The atrous rates of 3x3 convolutions.

    Returns:
      The gathered map or x, which `jaxseg.ops.conv.conv` and the layers that call it
      accept.
    """
    return gather_rows(x, max(rates, default=0))
