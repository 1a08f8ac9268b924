"""Defines the options that determine how an image is segmented."""

from __future__ import annotations

import dataclasses

from jaxseg.inference.exact.options import ExactOptions
from jaxseg.inference.predict import Mode
from jaxseg.inference.refinement.options import Refinement
from jaxseg.inference.uncertainty.averaging import Averaging
from jaxseg.inference.windows.grid import Blend
from jaxseg.inference.windows.options import Place, WindowOptions
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """Contains the options that determine how an image is segmented.

    Attributes:
      mode: "whole" predicts the whole image at once, "slide" averages overlapping
        windows, "tile" joins tiles with mirrored borders, for networks whose
        convolutions are not padded, and "exact" joins tiles whose result is that of
        the whole image (`jaxseg.inference.exact`).
      window: The height and width of windows and tiles in pixels. With "exact", the
        largest height and width that a tile reads; by default they follow from the
        network.
      stride: The vertical and horizontal step between windows in pixels. The default is
        two thirds of the window, or the size of the output of a tile.
      scales: The factors by which the image is resized. The predictions at all scales
        are averaged.
      flip: Whether the prediction for the mirrored image is also averaged.
      blend: How the outputs of overlapping windows are combined: "uniform", "gaussian",
        "cosine" or "center", see `jaxseg.inference.windows.blending`.
      accumulate: Where the sums over overlapping windows are held: "device", "host",
        "file" (a memory-mapped file), or "auto", the first of these that has room.
      devices: The number of local devices that share the windows.
      batch_size: The number of images or windows in each call of the network, on each
        device.
      multiple: Whole images are padded to multiples of this many pixels, which changes
        some labels near the right and lower border. With None, images are padded as in
        the evaluation of the run, or not at all for a network without a run.
      dataset: The dataset in whose classes the network predicts, for a network that was
        trained on several datasets. The default is the classes of their union.
      refinement: The steps that refine the prediction for an image, such as a dense CRF
        and the removal of small regions. By default there are none.
      averaging: The options of averaging: what is averaged, the number of dropout
        samples, and the maps of uncertainty to compute.
      limits: The largest halo and the largest number of passes over the image that
        tiles may need if the mode is "exact".
    """

    mode: Mode = "whole"
    window: Size | None = None
    stride: Size | None = None
    blend: Blend = "uniform"
    accumulate: Place = "auto"
    devices: int = 1
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    batch_size: int = 4
    multiple: int | None = None
    dataset: str | None = None
    refinement: Refinement = Refinement()  # noqa: RUF009
    averaging: Averaging = Averaging()  # noqa: RUF009
    limits: ExactOptions = ExactOptions()  # noqa: RUF009

    @property
    def padding(self) -> int:
        """Returns the number m such that images are padded to multiples of m pixels.

        It is 1 if images are not padded.
        """
        return self.multiple or 1 if self.mode in ("whole", "exact") else 1

    @property
    def averages(self) -> bool:
        """Returns whether predictions for resized or mirrored images are averaged."""
        return self.flip or self.scales != (1.0,)

    @property
    def windows(self) -> WindowOptions | None:
        """Returns the options of sliding windows, or None if the mode uses none."""
        if self.window is None or self.mode == "exact":
            return None
        return WindowOptions(
            self.window,
            stride=self.stride,
            batch=self.batch_size,
            blend=self.blend,
            accumulate=self.accumulate,
        )
