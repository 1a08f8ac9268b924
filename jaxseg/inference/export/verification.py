"""Compares an exported file, run in its own runtime, with `Segmenter.predict`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxseg.inference.export.formats import Format
from jaxseg.inference.export.program import Program
from jaxseg.inference.segmenter import Segmenter
from jaxseg.typing import Size

# Converted programs sum in another order, which changes probabilities by about 1e-5.
# Pixels whose two best classes are that close can change their class.
MOST_PROBABILITY = 1e-4
MOST_LABELS = 1e-3  # The share of pixels that may change their class.


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Contains the difference between an exported file's result and that of `predict`.

    Both results are computed for one image.

    Attributes:
      size: The height and width of the image.
      difference: The fraction of pixels with different classes, or the
        largest absolute difference between two probabilities. It is infinite if the
        shape or type of the results is wrong.
      bar: The largest `difference` with which the file is accepted.
      unit: The words that follow the number `difference` in messages.
    """

    size: Size
    difference: float
    bar: float
    unit: str

    @property
    def passes(self) -> bool:
        """Returns whether the difference is at most `bar`; False if it is NaN."""
        return self.difference <= self.bar

    def __str__(self) -> str:
        return f"{self.size[0]} x {self.size[1]}: {self.difference:.2g} {self.unit}"


def compare(
    segmenter: Segmenter, program: Program, kind: Format, path: Path
) -> Iterator[Comparison]:
    """Runs an exported file and compares its results with `segmenter.predict`.

    Args:
      segmenter: The network from which the file was exported.
      program: What the file should compute.
      kind: The format of the file.
      path: The file.

    Yields:
      The comparison for each of three random images. They have three sizes, or the one
      size that the program takes.
    """
    run, _ = kind.load(path)
    random = np.random.default_rng(0)
    for size in sizes(program):
        batch = program.batch or 1
        pixels = _image(random, program, size)
        found = np.asarray(run(np.repeat(pixels[None], batch, axis=0)))
        expected = segmenter.predict(pixels)
        yield _compared(program, size, found, expected)


def sizes(program: Program) -> tuple[Size, ...]:
    """Returns the (H, W) of each of the three images with which a file is tested."""
    if program.size is not None:
        return (program.size,) * 3
    side = max(program.multiple, 32)
    return (2 * side, 3 * side), (4 * side, 2 * side), (3 * side - 5, 4 * side + 1)


def _image(random, program, size):
    """Returns a random image [H, W, C] of noisy blocks of 8 x 8 pixels.

    The values lie in the range that the network expects.
    """
    low, high = program.network.spec.value_range
    coarse = random.uniform(size=(-(-size[0] // 8), -(-size[1] // 8), program.channels))
    values = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)[: size[0], : size[1]]
    values = 0.7 * values + 0.3 * random.uniform(size=values.shape)
    return (low + (high - low) * values).astype(program.input_type)


def _compared(program, size, found, expected):
    if program.output == "probabilities":
        wanted, bar = expected.probabilities, MOST_PROBABILITY
        unit = "is the largest difference of a probability"
        measure = lambda: np.abs(found - wanted[None]).max()
    else:
        wanted, bar = expected.labels, MOST_LABELS
        unit = "of the pixels have another class"
        measure = lambda: (found != wanted[None]).mean()
    shape = (program.batch or 1, *wanted.shape)
    if found.shape != shape or found.dtype != program.output_type:
        unit = (
            f"(the file returns {found.dtype}{list(found.shape)} instead of "
            f"{program.output_type}{list(shape)})"
        )
        return Comparison(size, float("inf"), bar, unit)
    return Comparison(size, float(measure()), bar, unit)
