"""Measures whether predicted probabilities agree with observed frequencies."""

from jaxseg.metrics.calibration.counting import CalibrationCounts, total
from jaxseg.metrics.calibration.counting import count as count_image
from jaxseg.metrics.calibration.fitting import fit_scaling
from jaxseg.metrics.calibration.scoring import Calibration, calibration

__all__ = [
    "Calibration",
    "CalibrationCounts",
    "calibration",
    "count_image",
    "fit_scaling",
    "total",
]
