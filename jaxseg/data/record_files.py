"""Reads single examples of a split from the files of prepared data, by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds


class RecordFiles(Sequence):
    """Reads the stored examples of a split by index, as a sequence.

    An example is a dictionary from the name of each feature to its value.

    Unlike the data source of tensorflow_datasets, this object does not refer to a
    builder, so it can always be pickled and sent to other processes.

    Args:
      builder: The builder. Its data must be prepared.
      split: A split, or a slice such as "train[90%:]".
      features: The features of an example that are read.
      decoders: Selects the features that stay encoded. The value has the format of
        the argument `decoders` of `as_data_source` in tensorflow_datasets.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        split: str,
        *,
        features: tfds.features.FeaturesDict,
        decoders: Any,
    ) -> None:
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        source = builder.as_data_source(split, deserialize_method=raw)
        self._records = source.data_source
        self._features = features
        self._decoders = decoders

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._features.deserialize_example_np(
            self._records[index], decoders=self._decoders
        )
