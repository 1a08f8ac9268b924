"""Defines the base class of builders, whose name and version come from a record."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.spec import DatasetSpec


def cloud_features() -> dict[str, Any]:
    """Returns the types of the entries of a point cloud, except its name."""
    return {
        "points": tfds.features.Tensor(shape=(None, 3), dtype=np.float32),
        "color": tfds.features.Tensor(shape=(None, 3), dtype=np.uint8),
        "label": tfds.features.Tensor(shape=(None,), dtype=np.uint8),
    }


class NamedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds a dataset whose record is in the configuration.

    The builder is not registered with tensorflow_datasets, which has datasets of the
    same names in other forms. Prepared data can be read without it by
    `tfds.builder_from_directory`.
    """

    VERSION = tfds.core.Version("1.0.0")

    @property
    def dataset(self) -> Dataset:
        """Returns the record of the dataset."""
        return self.builder_config.dataset

    @abc.abstractmethod
    def spec(self) -> DatasetSpec:
        """Returns the description of the prepared data."""

    @abc.abstractmethod
    def features(self) -> dict[str, Any]:
        """Returns the types of the entries of an example, except its name."""

    def metadata(self) -> dict[str, Any] | None:
        """Returns initial values of notes that are stored with the examples, or
        None.
        """
        return None

    def _info(self) -> tfds.core.DatasetInfo:
        noted, record = self.metadata(), self.dataset
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                self.features() | {"id": tfds.features.Text()}
            ),
            description="\n".join((record.title, record.notes)),
            homepage=record.page or None,
            citation=record.citation or None,
            license=record.license or None,
            metadata=None if noted is None else tfds.core.MetadataDict(**noted),
        )
