"""Computes the exact theoretical receptive field of a list of layers, along one axis.

The field is the set of input pixels on which an output can depend. Layers can have
strides and atrous rates, and be transposed convolutions, resizing or parallel branches.
In a sequence of convolutions and poolings, each layer computes
`size += (k - 1) * rate * jump` and then `jump *= stride` (arXiv 1603.07285; Araujo et
al., Distill 2019, doi 10.23915/distill.00021). After upsampling, neighboring outputs
can read intervals of different sizes. This pattern repeats after a number of outputs
that is called the period. A `Field` therefore holds one interval of input pixels for
each output of a period.
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
      padding: Number of zeros before the first pixel; None takes
        rate * (kernel - 1) // 2.
      transposed: Whether this is a transposed convolution, which computes
        out[stride * i + rate * u - padding] += x[i] * kernel[u].
      name: The name of the layer in printed tables.
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
        """Returns the number of zeros that the layer pads before the first pixel."""
        same = self.rate * (self.kernel - 1) // 2
        return same if self.padding is None else self.padding


@dataclasses.dataclass(frozen=True)
class Field:
    """Contains the interval of input pixels that each output reads, along one axis.

    The intervals repeat: if output i reads the pixels from a to b, then output
    i + period reads those from a + advance to b + advance.

    Attributes:
      lows: The first input pixel that each of the outputs 0 to period - 1 reads. It
        can lie outside the image, where padding is.
      highs: The last input pixel that each of these outputs reads.
      advance: The number of input pixels by which the interval moves in one period.
    """

    lows: tuple[int, ...] = (0,)
    highs: tuple[int, ...] = (0,)
    advance: int = 1

    @property
    def period(self) -> int:
        """Returns the number of outputs after which the pattern of intervals repeats.

        These are the intervals of input pixels that the outputs read.
        """
        return len(self.lows)

    @property
    def size(self) -> int:
        """Returns the size of the receptive field in input pixels.

        It is the largest number of pixels from the first to the last one that an output
        reads, with both of them included.
        """
        return max(h - lo + 1 for lo, h in zip(self.lows, self.highs, strict=True))

    @property
    def jump(self) -> Fraction:
        """Returns the distance between the fields of neighboring outputs.

        The distance is in input pixels. If it varies, the result is its mean.
        """
        return Fraction(self.advance, self.period)

    @property
    def start(self) -> Fraction:
        """Returns the center of the interval of input pixels that output 0 reads.

        The center of input pixel n is at position n.
        """
        return Fraction(self.lows[0] + self.highs[0], 2)

    def low(self, output: int) -> int:
        """Returns the index of the first input pixel that the given output reads."""
        turns, phase = divmod(output, self.period)
        return self.lows[phase] + turns * self.advance

    def high(self, output: int) -> int:
        """Returns the index of the last input pixel that the given output reads."""
        turns, phase = divmod(output, self.period)
        return self.highs[phase] + turns * self.advance

    def reduced(self) -> Field:
        """Returns a `Field` with the same intervals and the shortest possible period.

        The period is the number of outputs after which the intervals repeat.
        """
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
    """Returns the receptive field of the outputs of a layer, as a `Field`.

    Args:
      field: The receptive field of the inputs of the layer, in image pixels.
      layer: The layer, a convolution or a pooling.

    Raises:
      ValueError: If some outputs of a transposed convolution read no input.
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
    """Returns the receptive field of bilinearly upsampled outputs, as a `Field`.

    `field` is the receptive field of the inputs, and `factor` is the integer factor of
    the upsampling. Pixels have half-pixel centers, as in `jaxseg.ops.resize`.
    """
    twice = [2 * i + 1 - factor for i in range(factor * field.period)]  # / (2 * factor)
    return Field(
        tuple(field.low(i // (2 * factor)) for i in twice),
        tuple(field.high(-(-i // (2 * factor))) for i in twice),
        field.advance,
    ).reduced()


def parallel(*fields: Field) -> Field:
    """Returns the receptive field of the sum or concatenation of parallel branches.

    Args:
      *fields: The receptive field of the outputs of each branch.

    Returns:
      A `Field`, which contains the interval of input pixels that each output reads.

    Raises:
      ValueError: If the branches differ in `jump`, that is, in resolution.
    """
    if len({field.jump for field in fields}) != 1:
        jumps = [str(field.jump) for field in fields]
        raise ValueError(
            f"jumps={jumps} is invalid: expected the same jump (the number of "
            "input pixels between neighboring outputs) in all branches."
        )
    period = math.lcm(*(field.period for field in fields))
    return Field(
        tuple(min(f.low(i) for f in fields) for i in range(period)),
        tuple(max(f.high(i) for f in fields) for i in range(period)),
        int(fields[0].jump * period),
    ).reduced()


def stages(layers: Iterable[Layer], start: Field = IMAGE) -> tuple[Field, ...]:
    """Returns the receptive fields of the outputs of each layer in a sequence.

    The result is a tuple with a `Field` for each layer.

    Args:
      layers: The layers in order.
      start: The receptive field of the input of the first layer.

    >>> [f.size for f in stages((Layer(7, 2), Layer(3, 2), Layer(3, rate=2)))]
    [7, 11, 27]
    """
    found = []
    for layer in layers:
        start = through(start, layer)
        found.append(start)
    return tuple(found)


def chain(layers: Sequence[Layer], start: Field = IMAGE) -> Field:
    """Returns the receptive field of the outputs of the last layer in a sequence.

    The result, a `Field`, contains the interval of pixels that each output reads.
    Without layers, it is `start`, the receptive field of the inputs.
    """
    return stages(layers, start)[-1] if layers else start


def path_sigma(layers: Iterable[Layer]) -> float:
    """Computes the expected standard deviation of the effective receptive field.

    It is the standard deviation sigma of the positions of the input pixels that an
    output reads, weighted by the number of paths from each pixel to the output:
    sigma**2 = sum over layers of (k**2 - 1) / 12 * (rate * jump)**2, where k is the
    kernel size and jump the product of the strides of all earlier layers. This holds
    for random weights and layers without skip connections (Luo et al., arXiv
    1701.04128).

    Raises:
      ValueError: If a layer is transposed.
    """
    variance, jump = 0.0, 1
    for layer in layers:
        if layer.transposed:
            raise ValueError(
                f"layer={layer} is invalid: expected no transposed layer, because the "
                "formula does not hold for it."
            )
        variance += (layer.kernel**2 - 1) / 12 * (layer.rate * jump) ** 2
        jump *= layer.stride
    return math.sqrt(variance)
