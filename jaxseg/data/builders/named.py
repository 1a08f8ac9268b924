"""Defines the base class of the builders of tensorflow_datasets in this package."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.spec import DatasetSpec


def cloud_features() -> dict[str, Any]:
    """Returns a dictionary from the name of each array of a point cloud to its feature.

    A feature of tensorflow_datasets describes the type and the shape of an array.
    """
    return {
        "points": tfds.features.Tensor(shape=(None, 3), dtype=np.float32),
        "color": tfds.features.Tensor(shape=(None, 3), dtype=np.uint8),
        "label": tfds.features.Tensor(shape=(None,), dtype=np.uint8),
    }


class NamedBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Builds the dataset that the `dataset` field of its configuration describes.

    The description of the dataset determines the name and the version. The builder is
    not registered with tensorflow_datasets, because that library has datasets with the
    same names but other contents. `tfds.builder_from_directory` can read the prepared
    data without it, if jaxseg is installed.
    """

    VERSION = tfds.core.Version("1.0.0")

    @property
    def dataset(self) -> Dataset:
        """Returns the `Dataset`, which describes the dataset that is built."""
        return self.builder_config.dataset

    @abc.abstractmethod
    def spec(self) -> DatasetSpec:
        """Returns the `DatasetSpec`: the classes and pixels of the prepared data."""

    @abc.abstractmethod
    def features(self) -> dict[str, Any]:
        """Returns a dictionary from each array's name to its feature (of tfds).

        The feature "id", the name of the example, is left out.
        """

    def metadata(self) -> dict[str, Any] | None:
        """Returns a dictionary to store with the prepared data as metadata, or None."""
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
