"""Computes the exact theoretical receptive field of layers, one image axis at a time.

The field says which input pixels an output can depend on, through strides, atrous
rates, transposed convolutions, resizing and branches. Along a path of ordinary layers
it is the recursion size += (k - 1) * rate * jump, jump *= stride (arXiv 1603.07285;
Araujo et al., Distill 2019, doi 10.23915/distill.00021). After upsampling, outputs of
different phases read different pixels, so a field holds one interval for each phase.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction


@dataclasses.dataclass(frozen=True)
class Layer:
    """Describes a convolution or a pooling along one axis.

    Attributes:
      kernel: The kernel size.
      stride: The stride.
      rate: The atrous rate.
      padding: Zeros before the first pixel; None is rate * (kernel - 1) // 2.
      transposed: Whether out[stride * i + rate * u - padding] += x[i] * kernel[u].
      name: A name for tables.
    """

    kernel: int = 3
    stride: int = 1
    rate: int = 1
    padding: int | None = None
    transposed: bool = False
    name: str = ""

    def __post_init__(self):
        for field in ("kernel", "stride", "rate"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"{field}={getattr(self, field)} is invalid: expected 1 or more."
                )

    @property
    def before(self) -> int:
        """Returns the padding before the first pixel."""
        same = self.rate * (self.kernel - 1) // 2
        return same if self.padding is None else self.padding


@dataclasses.dataclass(frozen=True)
class Field:
    """Describes which input pixels the outputs read, as a pattern that repeats.

    Output i + period reads the pixels of output i, moved by `advance`.

    Attributes:
      lows: The first input pixel of outputs 0 to period - 1, before clipping to the
        image.
      highs: The last input pixel of these outputs.
      advance: Input pixels per period.
    """

    lows: tuple[int, ...] = (0,)
    highs: tuple[int, ...] = (0,)
    advance: int = 1

    @property
    def period(self) -> int:
        """Returns the number of outputs after which the pattern repeats."""
        return len(self.lows)

    @property
    def size(self) -> int:
        """Returns the width in pixels of the widest field of an output."""
        return max(h - lo + 1 for lo, h in zip(self.lows, self.highs, strict=True))

    @property
    def jump(self) -> Fraction:
        """Returns the number of input pixels per output."""
        return Fraction(self.advance, self.period)

    @property
    def start(self) -> Fraction:
        """Returns the center of the field of the first output in input pixels."""
        return Fraction(self.lows[0] + self.highs[0], 2)

    def low(self, output: int) -> int:
        """Returns the first input pixel of an output."""
        turns, phase = divmod(output, self.period)
        return self.lows[phase] + turns * self.advance

    def high(self, output: int) -> int:
        """Returns the last input pixel of an output."""
        turns, phase = divmod(output, self.period)
        return self.highs[phase] + turns * self.advance

    def reduced(self) -> Field:
        """Returns the same field with the shortest period."""
        for period in range(1, self.period):
            if self.period % period or self.advance * period % self.period:
                continue
            step = self.advance * period // self.period
            short = Field(self.lows[:period], self.highs[:period], step)
            if all(
                (short.low(i), short.high(i)) == (self.lows[i], self.highs[i])
                for i in range(self.period)
            ):
                return short
        return self


IMAGE = Field()


def through(field: Field, layer: Layer) -> Field:
    """Returns the field after one more layer.

    Raises:
      ValueError: If a transposed layer leaves outputs that read nothing.
    """
    if layer.transposed:
        return _transposed(field, layer)
    period = field.period // math.gcd(field.period, layer.stride)
    reach = layer.rate * (layer.kernel - 1)
    firsts = [i * layer.stride - layer.before for i in range(period)]
    return Field(
        tuple(field.low(i) for i in firsts),
        tuple(field.high(i + reach) for i in firsts),
        field.advance * layer.stride * period // field.period,
    ).reduced()


def _transposed(field, layer):
    if layer.rate > 1:
        raise ValueError(
            f"rate={layer.rate} is invalid: expected 1 for a transposed layer."
        )
    if layer.kernel < layer.stride:
        raise ValueError(
            f"kernel={layer.kernel} is invalid: expected at least {layer.stride}, the "
            "stride of the transposed layer; otherwise some outputs read nothing."
        )
    last = [i + layer.before for i in range(layer.stride * field.period)]
    return Field(
        tuple(field.low(-((layer.kernel - 1 - i) // layer.stride)) for i in last),
        tuple(field.high(i // layer.stride) for i in last),
        field.advance,
    ).reduced()


def enlarged(field: Field, factor: int) -> Field:
    """Returns the field after bilinear upsampling by an integer, half-pixel centers."""
    twice = [2 * i + 1 - factor for i in range(factor * field.period)]  # / (2 * factor)
    return Field(
        tuple(field.low(i // (2 * factor)) for i in twice),
        tuple(field.high(-(-i // (2 * factor))) for i in twice),
        field.advance,
    ).reduced()


def parallel(*fields: Field) -> Field:
    """Returns the field of branches that are added or concatenated.

    Raises:
      ValueError: If the branches have different jumps.
    """
    if len({field.jump for field in fields}) != 1:
        jumps = [str(field.jump) for field in fields]
        raise ValueError(
            f"branches with jumps {jumps} are invalid: expected equal jumps."
        )
    period = math.lcm(*(field.period for field in fields))
    return Field(
        tuple(min(f.low(i) for f in fields) for i in range(period)),
        tuple(max(f.high(i) for f in fields) for i in range(period)),
        int(fields[0].jump * period),
    ).reduced()


def stages(layers: Iterable[Layer], start: Field = IMAGE) -> tuple[Field, ...]:
    """Returns the field after each layer.

    >>> [f.size for f in stages((Layer(7, 2), Layer(3, 2), Layer(3, rate=2)))]
    [7, 11, 27]
    """
    found = []
    for layer in layers:
        start = through(start, layer)
        found.append(start)
    return tuple(found)


def chain(layers: Sequence[Layer], start: Field = IMAGE) -> Field:
    """Returns the field after all layers."""
    return stages(layers, start)[-1] if layers else start


def path_sigma(layers: Iterable[Layer]) -> float:
    """Computes the standard deviation of the path counts over the field, in pixels.

    sigma**2 = sum (k**2 - 1) / 12 * (rate * jump)**2. It is the expected effective
    field of a stack with random weights and without skips (Luo et al., arXiv
    1701.04128).

    Raises:
      ValueError: If a layer is transposed.
    """
    variance, jump = 0.0, 1
    for layer in layers:
        if layer.transposed:
            raise ValueError(
                f"layers with {layer} are invalid: expected no transposed layer."
            )
        variance += (layer.kernel**2 - 1) / 12 * (layer.rate * jump) ** 2
        jump *= layer.stride
    return math.sqrt(variance)
