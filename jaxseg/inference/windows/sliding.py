"""Runs a network on overlapping or adjacent windows of an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.windows.grid import Grid, sliding_grid
from jaxseg.inference.windows.host_band import band_bytes
from jaxseg.inference.windows.inputs import Pixels, WindowInputs
from jaxseg.inference.windows.options import WindowOptions
from jaxseg.inference.windows.place import chosen_place, new_band
from jaxseg.inference.windows.shared import Shared
from jaxseg.inference.windows.stream import Rows, stream
from jaxseg.text import counted
from jaxseg.typing import Size

Mode = Literal["slide", "tile"]


Decide = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class SlidingWindows:
    """Runs a network on the windows of an image and combines the outputs.

    Attributes:
      apply: A function from images [B, h, w, C] to logits [B, h, w, K]. If it is a
        `Shared` function, each device computes `options.batch` windows per call.
      options: The options of the windows.
      mode: "slide", or "tile" for a network whose output is smaller than its input. The
        windows of "tile" are padded by mirroring the image.
      prepare: A function from stored pixels to the input of `apply`, see
        `WindowInputs`.
    """

    apply: Callable[[Any], jax.Array]
    options: WindowOptions
    mode: Mode = "slide"
    prepare: Callable[[Any], Any] = lambda pixels: pixels

    @property
    def batch(self) -> int:
        """Returns how many windows all devices process in one call of the network."""
        devices = self.apply.devices if isinstance(self.apply, Shared) else 1
        return self.options.batch * devices

    def plan(self, pixels: Pixels) -> tuple[Grid, int]:
        """Returns the grid of windows for an image, and the number of logits per pixel.

        Args:
          pixels: The image.

        Raises:
          ValueError: If the output of the network does not have the size that the mode
            needs, or the stride is too large.
        """
        window, stride = self.options.window, self.options.stride
        shape = (self.batch, *window, pixels.channels)
        inputs = jax.eval_shape(self.prepare, jax.ShapeDtypeStruct(shape, pixels.dtype))
        output = jax.eval_shape(self.apply, inputs).shape
        inner = _inner(output, window=window, mode=self.mode)
        if stride is None:
            two_thirds = tuple(max(1, n * 2 // 3) for n in window)
            stride = inner if self.mode == "tile" else two_thirds
        grid = sliding_grid(
            pixels.size, window, stride=stride, output=inner, blend=self.options.blend
        )
        return grid, output[-1]

    def describe(self, pixels: Pixels) -> str:
        """Returns a line of text about the windows of an image.

        It states their number and size, where the sums of their outputs are held, and
        how many GB the sums take.

        Args:
          pixels: The image.
        """
        grid, classes = self.plan(pixels)
        height, width = grid.size
        text = (
            f"{height} x {width} pixels in {counted(len(grid), 'window')} of "
            f"{grid.window[0]} x {grid.window[1]}, {self.batch} per call on "
            f"{counted(self.batch // self.options.batch, 'device')}"
        )
        if grid.blend == "center":
            return f"{text}, without sums"
        place = chosen_place(self.options.accumulate, grid, classes)
        where = {"device": "on the device", "host": "on the host", "file": "in a file"}
        size = band_bytes(grid, classes) / 1e9
        return f"{text}, sums of {size:.2f} GB {where[place]}"

    def rows(
        self, pixels: Pixels, *, decide: Decide | None = None, start: int = 0
    ) -> Iterator[Rows]:
        """Yields the result for an image from top to bottom, a few rows at a time.

        Args:
          pixels: The image.
          decide: A function from the averaged logits [..., K], a NumPy or JAX array,
            to the result for each pixel, such as `most_probable`. None yields the
            averaged logits.
          start: The index of the first row of the image that is needed. No row above it
            is yielded.

        Yields:
          `Rows` objects: the index of the first row, and the results of the rows.
        """
        grid, classes = self.plan(pixels)
        place = chosen_place(self.options.accumulate, grid, classes)
        band = new_band(place, grid, folder=self.options.folder)
        border = "reflect" if self.mode == "tile" else "zero"
        inputs = WindowInputs(pixels, self.prepare, border=border)
        # Logits that no other window changes are decided at once, which saves memory.
        early = decide is not None and grid.blend == "center"

        def run(windows):
            logits = self.apply(inputs.batch([window.read for window in windows]))
            return decide(logits) if early else logits

        for found in stream(grid, run, band, batch=self.batch, start=start):
            late = decide is not None and not early
            yield Rows(found.first, decide(found.values)) if late else found


def most_probable(logits: Any) -> Any:
    """Returns the index of the largest logit of each pixel, int32 [...].

    Args:
      logits: A NumPy or JAX array, [..., K].
    """
    if isinstance(logits, np.ndarray):
        return logits.argmax(-1).astype(np.int32)
    return _argmax(logits)


@jax.jit
def _argmax(logits):
    return jnp.argmax(logits, axis=-1).astype(jnp.int32)


def _inner(output: tuple[int, ...], *, window: Size, mode: Mode) -> Size:
    """Checks the shape of the network's output and returns its height and width."""
    if len(output) != 4:
        raise ValueError(f"logits.shape={output} is invalid: expected [B, h, w, K].")
    inner = output[1:3]
    margins = [outer - n for outer, n in zip(window, inner, strict=True)]
    if mode == "slide" and any(margins):
        raise ValueError(
            f"mode='slide' is invalid for a network with logits of size {inner}: "
            f"expected logits of the size {window} of the window. Use mode='tile' for "
            "a network without padding."
        )
    if any(margin < 0 or margin % 2 for margin in margins):
        raise ValueError(
            f"window={window} is invalid: expected logits that are smaller than the "
            f"window by an even number of pixels, found the size {inner}. Choose "
            "another window."
        )
    return inner
