"""Computes confusion matrices with integer counts, and scores from them."""

from jaxseg.metrics._confusion import ConfusionTotal, confusion, confusion_over
from jaxseg.metrics._table import table
from jaxseg.metrics.by_dataset import scores_by_dataset
from jaxseg.metrics.score import scores, to_json

__all__ = [
    "ConfusionTotal",
    "confusion",
    "confusion_over",
    "scores",
    "scores_by_dataset",
    "table",
    "to_json",
]
