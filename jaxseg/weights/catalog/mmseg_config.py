"""Output stride and multi-grid from the configuration that MMSegmentation keeps.

Networks at strides 8 and 16 have the same tensors, so a checkpoint's keys cannot tell
them apart; the text of its configuration (``meta.cfg``, before 1.0 ``meta.config``)
does. It is searched, never evaluated.
"""

import re
from collections.abc import Mapping
from typing import Any

_STRIDES = re.compile(r"\bstrides\s*=\s*[(\[]\s*1\s*((?:,\s*[12]\s*){3}),?\s*[)\]]")
_GRID = re.compile(r"\bmulti_grid\s*=\s*[(\[]((?:\s*\d+\s*,?){3})[)\]]")


def trunk_options(beside: Mapping[str, Any]) -> dict[str, object]:
    """``output_stride`` and ``multi_grid`` of a ResNet, where the text gives them.

    Args:
        beside: what lay beside the state dict.

    Raises:
        ValueError: a multi-grid that no integer factors here give.
    """
    meta = beside.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    text = meta.get("cfg", meta.get("config"))
    strides = set(_STRIDES.findall(text)) if isinstance(text, str) else set()
    if len(strides) != 1:
        return {}
    output_stride = 4
    for number in re.findall(r"\d", strides.pop()):
        output_stride *= int(number)
    options: dict[str, object] = {"output_stride": output_stride}
    grid = _GRID.search(text)
    if grid:
        rates = tuple(int(n) for n in re.findall(r"\d+", grid[1]))
        options["multi_grid"] = _factors(rates, output_stride)
    return options


def _factors(rates: tuple[int, ...], output_stride: int) -> tuple[int, ...]:
    """The rates that MMSegmentation names, as factors of the stage's own."""
    rate = max(1, 32 // output_stride)
    own = (max(1, rate // 2), rate, rate)
    if any(r % o for r, o in zip(rates, own, strict=True)):
        raise ValueError(
            f"multi_grid {rates} at output stride {output_stride} is not a multiple of "
            f"the rates {own} that the last stage has here"
        )
    return tuple(r // o for r, o in zip(rates, own, strict=True))
