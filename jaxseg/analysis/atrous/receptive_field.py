"""Theoretical receptive field from a list of layers, exact, one image axis at a time.

Which input pixels an output can depend on, through strides, atrous rates, transposed
convolutions, resizing and branches. Along a path of ordinary layers this is the
recursion size += (k - 1) * rate * jump, jump *= stride (arXiv 1603.07285; Araujo et
al., Distill 2019, doi 10.23915/distill.00021); upsampling makes outputs of different
phase read different pixels, so a field holds one interval per phase.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution or a pooling along one axis.

    Attributes:
      padding: zeros before the first pixel; None is rate * (kernel - 1) // 2.
      transposed: out[stride * i + rate * u - padding] += x[i] * kernel[u].
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
                raise ValueError(f"{field} {getattr(self, field)} must be at least 1")

    @property
    def before(self) -> int:
        """Padding in front."""
        same = self.rate * (self.kernel - 1) // 2
        return same if self.padding is None else self.padding


@dataclasses.dataclass(frozen=True)
class Field:
    """What the outputs read: output i + period reads `advance` pixels after output i.

    Attributes:
      lows: first input pixel of outputs 0 ... period - 1, before clipping to the image.
      highs: last input pixel of them.
      advance: input pixels per period.
    """

    lows: tuple[int, ...] = (0,)
    highs: tuple[int, ...] = (0,)
    advance: int = 1

    @property
    def period(self) -> int:
        """Outputs after which the pattern repeats."""
        return len(self.lows)

    @property
    def size(self) -> int:
        """Pixels from the first to the last that an output reads, of the widest."""
        return max(h - lo + 1 for lo, h in zip(self.lows, self.highs, strict=True))

    @property
    def jump(self) -> Fraction:
        """Input pixels per output."""
        return Fraction(self.advance, self.period)

    @property
    def start(self) -> Fraction:
        """Center of the first output's field, in input pixels; pixel 0 lies at 0."""
        return Fraction(self.lows[0] + self.highs[0], 2)

    def low(self, output: int) -> int:
        """First input pixel of an output."""
        turns, phase = divmod(output, self.period)
        return self.lows[phase] + turns * self.advance

    def high(self, output: int) -> int:
        """Last input pixel of an output."""
        turns, phase = divmod(output, self.period)
        return self.highs[phase] + turns * self.advance

    def reduced(self) -> Field:
        """The same field with the shortest period."""
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
    """The field after one more layer.

    Raises: ValueError when a transposed layer leaves outputs that read nothing.
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
        raise ValueError(f"rate {layer.rate} of a transposed layer must be 1")
    if layer.kernel < layer.stride:
        raise ValueError(
            f"a transposed kernel of {layer.kernel} at stride {layer.stride} leaves "
            "outputs that read nothing; want kernel >= stride"
        )
    last = [i + layer.before for i in range(layer.stride * field.period)]
    return Field(
        tuple(field.low(-((layer.kernel - 1 - i) // layer.stride)) for i in last),
        tuple(field.high(i // layer.stride) for i in last),
        field.advance,
    ).reduced()


def enlarged(field: Field, factor: int) -> Field:
    """The field after bilinear upsampling by a whole factor, half-pixel centers."""
    twice = [2 * i + 1 - factor for i in range(factor * field.period)]  # / (2 * factor)
    return Field(
        tuple(field.low(i // (2 * factor)) for i in twice),
        tuple(field.high(-(-i // (2 * factor))) for i in twice),
        field.advance,
    ).reduced()


def parallel(*fields: Field) -> Field:
    """The field of branches that are added or concatenated.

    Raises: ValueError when the branches differ in jump.
    """
    if len({field.jump for field in fields}) != 1:
        jumps = [str(field.jump) for field in fields]
        raise ValueError(f"branches of jumps {jumps} cannot be joined; want equal ones")
    period = math.lcm(*(field.period for field in fields))
    return Field(
        tuple(min(f.low(i) for f in fields) for i in range(period)),
        tuple(max(f.high(i) for f in fields) for i in range(period)),
        int(fields[0].jump * period),
    ).reduced()


def stages(layers: Iterable[Layer], start: Field = IMAGE) -> tuple[Field, ...]:
    """The field after each layer.

    >>> [f.size for f in stages((Layer(7, 2), Layer(3, 2), Layer(3, rate=2)))]
    [7, 11, 27]
    """
    found = []
    for layer in layers:
        start = through(start, layer)
        found.append(start)
    return tuple(found)


def chain(layers: Sequence[Layer], start: Field = IMAGE) -> Field:
    """The field after all layers."""
    return stages(layers, start)[-1] if layers else start


def path_sigma(layers: Iterable[Layer]) -> float:
    """Standard deviation, in pixels, of the path counts over the field.

    sigma**2 = sum (k**2 - 1) / 12 * (rate * jump)**2: the expected effective field of a
    stack of equal random weights without skips (Luo et al., arXiv 1701.04128).
    """
    variance, jump = 0.0, 1
    for layer in layers:
        if layer.transposed:
            raise ValueError(f"layer {layer} is transposed; allowed are plain layers")
        variance += (layer.kernel**2 - 1) / 12 * (layer.rate * jump) ** 2
        jump *= layer.stride
    return math.sqrt(variance)
