"""Measures the effective receptive field and grid artifacts while a network is trained.

The field is the squared gradient of the logits in the middle of the map with respect to
images of Gaussian noise (Luo et al., arXiv 1701.04128). A grid artifact is a periodic
pattern in the logits of the same images. One compiled program computes both.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import analysis
from jaxseg.analysis.atrous.effective_field import area
from jaxseg.config import Config
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import build_model
from jaxseg.runs.outputs import num_logits
from jaxseg.training.devices.placement import on_one_device
from jaxseg.training.run.field_watch import FieldReading
from jaxseg.viz.log_maps import LogMap, log_maps_png

PERIODS = (2, 4, 8)  # pixels
WINDOW = 256  # Spectra are of the middle of larger logits, which is cheaper.


class TrainingField:
    """Measures the effective receptive field and the grid artifacts of a network.

    One compiled program serves all variables (weights) with which an object is called.

    Args:
      model: The network, whose outputs contain "logits" [N, h, w, K].
      images: Images of noise, float32 [N, H, W, C].
    """

    def __init__(self, model: nn.Module, images: np.ndarray):
        def middle(images, variables):
            logits = model.apply(variables, images, train=False)["logits"]
            row, column = logits.shape[1] // 2, logits.shape[2] // 2
            window = _middle(logits.shape[1]), _middle(logits.shape[2])
            value = logits[:, row, column].astype(jnp.float32).sum()
            return value, logits[:, *window]

        self._images = images
        self._gradient = jax.jit(jax.grad(middle, has_aux=True))

    def __call__(self, variables) -> FieldReading:
        """Returns the numbers and the figure of the network with these variables."""
        gradient, logits = self._gradient(self._images, on_one_device(variables))
        field = np.square(np.asarray(gradient, np.float64)).mean((0, 3))
        logits = np.asarray(logits, np.float32)
        known = bool(np.isfinite(field).all() and field.sum() > 0)
        values = field_values(field) if known else {}
        values |= grid_values(logits)
        if not known:
            return FieldReading(values, {})
        return FieldReading(values, {"effective_field": field_picture(field, logits)})


def _middle(side: int) -> slice:
    start = max(0, side - WINDOW) // 2
    return slice(start, start + min(side, WINDOW))


def field_picture(field: np.ndarray, logits: np.ndarray) -> bytes:
    """Draws an effective receptive field and the spectrum of the logits.

    Args:
      field: The mean squared gradient with respect to each pixel, [H, W].
      logits: The logits, float32 [N, h, w, K].

    Returns:
      The bytes of a PNG file.
    """
    return log_maps_png(
        [
            LogMap(
                field, "Effective receptive field", x="column [pixel]", y="row [pixel]"
            ),
            LogMap(
                analysis.spectrum(logits),
                "Power spectrum of the logits",
                x="horizontal frequency [1 / pixel]",
                y="vertical frequency [1 / pixel]",
                extent=(-0.5, 0.5, -0.5, 0.5),
            ),
        ]
    )


def field_values(field: np.ndarray) -> dict[str, float | None]:
    """Returns the numbers that describe an effective receptive field.

    Args:
      field: The mean squared gradient with respect to each pixel, [H, W].

    Returns:
      A dictionary: "sigma_rows" and "sigma_columns" are the standard deviations of the
      field along rows and columns in pixels, "gaussian_fit" is the fraction of its
      variance that a Gaussian explains, and "area" is the number of its pixels above
      4.55 % of the maximum.
    """
    fit = analysis.gaussian_fit(field)
    return {
        "sigma_rows": fit.sigma[0],
        "sigma_columns": fit.sigma[1],
        "gaussian_fit": fit.fit,
        "area": float(area(field)),
    }


def grid_values(logits: np.ndarray) -> dict[str, float | None]:
    """Returns the power of periodic patterns (grids) in a map.

    Args:
      logits: The map, float32 [N, h, w, K].

    Returns:
      A dictionary with a number under "grid_2", "grid_4" and "grid_8", which are named
      after the period in pixels. The number is 1 for white noise, near 0 for a smooth
      map and large for a grid (`jaxseg.analysis.grid_energy`). It is None if the map is
      constant, not finite or smaller than two periods.
    """
    usable = bool(np.isfinite(logits).all()) and float(np.ptp(logits)) > 0
    side = min(logits.shape[1:3])
    return {
        f"grid_{period}": analysis.grid_energy(logits, period)
        if usable and side >= 2 * period
        else None
        for period in PERIODS
    }


def training_field(config: Config, spec: DatasetSpec) -> TrainingField | None:
    """Returns the `TrainingField` with which a run measures its network, or None.

    It is None if the option `lab.every` is below 1, and in all processes but the first.
    The images for the measurement have the size of the training crops. Their pixels
    depend only on the seed of the run.

    Args:
      config: The configuration of the run.
      spec: The classes and channels of the data.
    """
    if config.lab.every < 1 or jax.process_index() != 0:
        return None
    random = np.random.default_rng(config.train.seed + 1)
    shape = (config.lab.images, *config.data.crop, spec.channels)
    images = random.normal(size=shape).astype(np.float32)
    return TrainingField(build_model(config, num_logits(config, spec)), images)
