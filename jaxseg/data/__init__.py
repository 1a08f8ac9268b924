"""Datasets: preparation, random access, augmentation on the host, batches."""

from jaxseg.data.pipeline import eval_batches, train_batches
from jaxseg.data.source import Source, from_builder, open_source
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.statistics import ClassFrequencies, class_frequencies

__all__ = [
    "ClassFrequencies",
    "DatasetSpec",
    "Source",
    "class_frequencies",
    "eval_batches",
    "from_builder",
    "open_source",
    "train_batches",
]
