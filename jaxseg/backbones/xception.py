"""Modified aligned Xception 41, 65 and 71 (DeepLab v3+, arXiv 1802.02611, figure 4).

A strided separable convolution replaces every max pooling, and batch norm follows each
depthwise convolution. As in the authors' release, all units but the last apply ReLU to
their input and have no activation between the depthwise and the pointwise convolution.
The last unit applies ReLU after each of these convolutions. The epsilon of batch norm
is 1e-3.
"""

import dataclasses
from typing import NamedTuple

from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct, SeparableConvNormAct
from jaxseg.typing import Array, Pyramid


class Unit(NamedTuple):
    """Describes a residual unit of three separable convolutions.

    Attributes:
      features: The number of channels after each convolution.
      stride: The stride of the third convolution.
      shortcut: "conv" for a 1x1 convolution of the input, "sum" for the input itself,
        or "none" for no shortcut.
      tap: The level of the pyramid that the second convolution provides, or None.
    """

    features: tuple[int, int, int]
    stride: int
    shortcut: str  # "conv", "sum" or "none"
    tap: str | None = None  # The level that the second convolution provides.


def _same(features):
    return (features,) * 3


_ENTRY = {
    41: (
        Unit(_same(128), 2, "conv"),
        Unit(_same(256), stride=2, shortcut="conv", tap="c2"),
        Unit(_same(728), stride=2, shortcut="conv", tap="c3"),
    ),
    71: (
        Unit(_same(128), 2, "conv"),
        Unit(_same(256), 1, "conv"),
        Unit(_same(256), stride=2, shortcut="conv", tap="c2"),
        Unit(_same(728), 1, "conv"),
        Unit(_same(728), stride=2, shortcut="conv", tap="c3"),
    ),
}
_ENTRY[65] = _ENTRY[41]
_EXIT = (
    Unit((728, 1024, 1024), stride=2, shortcut="conv", tap="c4"),
    Unit((1536, 1536, 2048), 1, "none"),
)
_MIDDLE = {41: 8, 65: 16, 71: 16}


class XceptionUnit(nn.Module):
    """Adds the output of three separable convolutions to a shortcut of the input."""

    features: tuple[int, ...]
    step: Step
    shortcut: str
    unit_rates: tuple[int, int, int] = (1, 1, 1)
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """Returns the output and the output of the second convolution."""
        residual, second, last = x, x, self.shortcut == "none"
        for number, width in enumerate(self.features):
            block = SeparableConvNormAct(
                width,
                stride=self.step.stride if number == 2 else 1,
                rate=self.step.rate * self.unit_rates[number],
                mid_act=last,
                act="relu" if last else "none",
                style=self.style,
                name=f"conv{number + 1}",
            )
            x = block(x if last else nn.relu(x), train=train)
            second = x if number == 1 else second
        if self.shortcut == "conv":
            shortcut = ConvNormAct(
                self.features[-1],
                1,
                stride=self.step.stride,
                act="none",
                style=self.style,
                name="shortcut",
            )
            residual = shortcut(residual, train=train)
        return (x if last else x + residual), second


class Xception(nn.Module):
    """Computes maps "c1" (stem), "c2" to "c4" (before a stride) and "c5" (last unit).

    c2, c3 and c4 are outputs of the second convolution of the unit that next halves the
    size of the map, after batch norm and before the activation, as in the authors'
    decoder. c5 has 2048 channels.

    Attributes:
      depth: 41, 65 or 71.
      output_stride: 8, 16 or 32 (2 and 4 are possible as well).
      multi_grid: Factors on the rates of the three convolutions of the last unit.
      width: Factor on all channel counts.
      middle: Number of middle units; None takes 8 for depth 41 and 16 for 65 and 71.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If depth or output stride is not allowed.
    """

    depth: int = 65
    output_stride: int = 32
    multi_grid: tuple[int, int, int] = (1, 1, 1)
    width: float = 1.0
    middle: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.depth not in _ENTRY:
            raise ValueError(
                f"depth={self.depth} is invalid: expected one of {sorted(_ENTRY)}."
            )
        style = dataclasses.replace(self.style, epsilon=1e-3)
        plan = iter(atrous_plan(self._strides(), self.output_stride))
        x = image.astype(style.dtype)
        for number, features in enumerate((32, 64), start=1):
            step = next(plan)
            block = ConvNormAct(
                self._wide(features),
                stride=step.stride,
                rate=step.rate,
                style=style,
                name=f"root{number}",
            )
            x = block(x, train=train)
        pyramid = {"c1": x}
        units = self._units()
        for number, ((name, unit), step) in enumerate(zip(units, plan, strict=True), 1):
            cell = XceptionUnit(
                tuple(map(self._wide, unit.features)),
                step=step,
                shortcut=unit.shortcut,
                unit_rates=self.multi_grid if number == len(units) else (1, 1, 1),
                style=style,
                name=name,
            )
            x, second = cell(x, train=train)
            if unit.tap:
                pyramid[unit.tap] = second
        return {**pyramid, "c5": x}

    def _units(self) -> list[tuple[str, Unit]]:
        entry = _ENTRY[self.depth]
        count = _MIDDLE[self.depth] if self.middle is None else self.middle
        middle = (Unit(_same(728), 1, "sum"),) * count
        return [
            (f"{flow}{number}", unit)
            for flow, units in (("entry", entry), ("middle", middle), ("exit", _EXIT))
            for number, unit in enumerate(units, start=1)
        ]

    def _strides(self):
        return (2, 1, *(unit.stride for _, unit in self._units()))

    def _wide(self, features):
        return max(1, round(features * self.width))
