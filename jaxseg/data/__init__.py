"""Datasets: preparation, random access, augmentation on the host, batches."""

from jaxseg.data.cloud_pipeline import cloud_eval_batches, cloud_train_batches
from jaxseg.data.clouds import Clouds, open_clouds
from jaxseg.data.pipeline import eval_batches, train_batches
from jaxseg.data.source import Source, from_builder, open_source
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.statistics import ClassFrequencies, class_frequencies

__all__ = [
    "ClassFrequencies",
    "Clouds",
    "DatasetSpec",
    "Source",
    "class_frequencies",
    "cloud_eval_batches",
    "cloud_train_batches",
    "eval_batches",
    "from_builder",
    "open_clouds",
    "open_source",
    "train_batches",
]
