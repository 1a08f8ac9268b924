"""Compares the speed of a PyTorch network with that of its import in jaxseg."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

import numpy as np

from jaxseg.bench.clock import Limits, Sentinel, measure
from jaxseg.bench.compare.pair import Pair


@dataclasses.dataclass(frozen=True)
class Speed:
    """Contains the times that the PyTorch network and jaxseg need for one image.

    Attributes:
      size: The height and width of the image.
      torch: The median time of PyTorch in seconds.
      jaxseg: The median time of jaxseg in seconds.
      ratios: The time of jaxseg divided by that of PyTorch, for each pair of runs.
      first_torch: The time of PyTorch's first call in seconds.
      first_jaxseg: The time of jaxseg's first call in seconds, most of which is
        compilation.
      disturbed: Whether other processes used the processor meanwhile.
    """

    size: tuple[int, int]
    torch: float
    jaxseg: float
    ratios: tuple[float, ...]
    first_torch: float
    first_jaxseg: float
    disturbed: bool

    @property
    def ratio(self) -> float:
        """Returns the median of jaxseg's time divided by PyTorch's.

        If it is below 1, jaxseg is faster.
        """
        return statistics.median(self.ratios)

    def lines(self) -> list[str]:
        """Returns a list of lines of text that state the measured times."""
        height, width = self.size
        low, high = (np.quantile(self.ratios, share) for share in (0.25, 0.75))
        found = [
            f"PyTorch {1e3 * self.torch:.1f} ms, jaxseg {1e3 * self.jaxseg:.1f} ms for "
            f"an image of {height} x {width} pixels",
            f"jaxseg takes {self.ratio:.2f} of PyTorch's time (median of "
            f"{len(self.ratios)} pairs, half of them {low:.2f} to {high:.2f})",
            f"The first call took {self.first_torch:.1f} s in PyTorch and "
            f"{self.first_jaxseg:.1f} s in jaxseg, which compiles the network for each "
            "new size.",
        ]
        if self.disturbed:
            found.append(
                "Other processes used the processor meanwhile, which slows one of the "
                "two more than the other. Measure again on an idle machine."
            )
        return found


def timed(function: Callable[[], object]) -> tuple[object, float]:
    """Calls a function, and returns its result and the seconds that the call took."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def measured(
    pair: Pair, inputs: np.ndarray, first: tuple[float, float], seconds: float
) -> Speed:
    """Times the PyTorch network and its import in jaxseg alternately on one image.

    Both run on the CPU. PyTorch runs without `torch.compile`. It has the memory format
    channels_last, which makes its convolutions faster.

    Args:
      pair: The original network and its import, which have run on this size before.
      inputs: A normalized RGB image, float32 [1, H, W, C].
      first: The times of the first calls of PyTorch and of jaxseg in seconds.
      seconds: The time after which no further pair of runs begins.

    Returns:
      A `Speed`, with the median times and their ratio.
    """
    import torch

    net = pair.original.net.to(memory_format=torch.channels_last)
    original = dataclasses.replace(pair.original, net=net)
    tensor = original.tensor(pair.in_order(inputs))
    tensor = tensor.contiguous(memory_format=torch.channels_last)
    contestants = {
        "torch": lambda: original.run(tensor),
        "jaxseg": lambda: pair.jaxseg_logits(inputs).block_until_ready(),
    }
    found = measure(contestants, Limits(seconds, least=3, most=40, warm=1), Sentinel())
    times = found.times
    return Speed(
        inputs.shape[1:3],
        torch=statistics.median(times["torch"]),
        jaxseg=statistics.median(times["jaxseg"]),
        ratios=tuple(
            b / a for a, b in zip(times["torch"], times["jaxseg"], strict=True)
        ),
        first_torch=first[0],
        first_jaxseg=first[1],
        disturbed=found.contaminated,
    )
