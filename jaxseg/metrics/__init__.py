"""Metrics: integer confusion counts and the scores made from them."""

from jaxseg.metrics.confusion import ConfusionTotal, confusion, confusion_over
from jaxseg.metrics.score import scores, to_json
from jaxseg.metrics.table import table

__all__ = [
    "ConfusionTotal",
    "confusion",
    "confusion_over",
    "scores",
    "table",
    "to_json",
]
