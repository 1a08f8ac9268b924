"""Reads the images and labels of a split by index and can keep them in memory."""

from __future__ import annotations

import copy
import functools
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data.area import Area
from jaxseg.data.datasets.lookup import require_kind
from jaxseg.data.decoder import STORED, Decoder
from jaxseg.data.example_cache import ExampleCache
from jaxseg.data.external.opening import open_examples
from jaxseg.data.label_bits import holds
from jaxseg.data.lists import split_names
from jaxseg.data.opened import Opened
from jaxseg.data.pixel_type import RGB8
from jaxseg.data.prepare import (
    builder_config,
    data_folder,
    prepare,
)
from jaxseg.data.record_files import RecordFiles
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.splits import check_split
from jaxseg.data.stored import DamagedData, Records
from jaxseg.text import one_of

FILE_FORMATS = {"grain": "array_record", "tf": "tfrecord"}


class Source:
    """Contains the examples of a split, which are read by index.

    Attributes:
      spec: The classes and pixel statistics of the dataset.
      records: The examples {"image", "label", "id"}, with encoded images and labels.
      decoder: Decodes the image and the label of a stored example.
      split: The name of the split, for error messages.
      folder: The folder of the prepared data, or None.
      backend: "grain" or "tf", the pipeline that reads this source.
      workers: The number of threads that read examples.
    """

    def __init__(
        self,
        records: Sequence[dict[str, bytes]],
        spec: DatasetSpec,
        *,
        split: str = "",
        folder: pathlib.Path | None = None,
        backend: str = "grain",
        workers: int = 2,
        cache: bool = True,
        decoder: Decoder = STORED,
    ):
        self.records = records
        self.decoder = decoder
        self.spec = spec
        self.split = split
        self.folder = folder
        self.backend = backend
        self.workers = workers
        self._cache = None
        if cache:
            title = f"dataset {spec.name!r}, split {split!r}"
            self._cache = ExampleCache(title, len(records))
        self._holding: dict[tuple[str, ...], tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.records)

    def divided(self, processes: int) -> Source:
        """Returns a copy of this source for one of several processes that read.

        Each copy may use an equal part of the memory that this source may use.

        Args:
          processes: The number of processes. With 0, the result is this source itself.
        """
        if not processes or self._cache is None:
            return self
        source = copy.copy(self)
        source._cache = self._cache.divided(processes)
        return source

    def __getitem__(self, index: int) -> dict:
        """Returns an example.

        Args:
          index: The index of the example.

        Returns:
          {"image": [H, W, C], "label": [H, W], "id": str}, in the types of `spec`.

        Raises:
          IndexError: If the index is out of range.
        """
        opened = self.open(index)
        if opened.pixels is not None:
            return dict(opened.pixels)
        return self._decode(opened)

    def open(self, index: int) -> Opened:
        """Returns an example as an `Opened`, which can decode parts of it later.

        If there is room in the cache, the whole example is decoded at once and kept.
        Later calls then decode nothing.

        Args:
          index: The index of the example.

        Raises:
          IndexError: If the index is out of range.
        """
        if not 0 <= index < len(self):
            raise IndexError(
                f"index={index} is invalid: expected 0 to {len(self) - 1}."
            )
        kept = self._kept(index)
        if kept is not None:
            return Opened(self.decoder, {}, kept)
        opened = Opened(self.decoder, self.records[index])
        if self._cache is None or self._cache.is_full:
            return opened
        kept = self._cache.keep(index, self._decode(opened))
        return Opened(self.decoder, {}, kept)

    def window(
        self, index: int, rows: tuple[int, int], columns: tuple[int, int]
    ) -> dict:
        """Returns a rectangle of an example's image and label.

        Args:
          index: The index of the example.
          rows: The first row and the last row + 1.
          columns: The first column and the last column + 1.

        Returns:
          {"image", "label", "id"} as for the whole example, with the pixels of these
          rows and columns only. The arrays may be read-only.

        Raises:
          IndexError: If the index is out of range.
          ValueError: If the rectangle is empty or not inside the image.
        """
        opened = self.open(index)
        return opened.read(Area(rows, columns, opened.size))

    def label(self, index: int) -> np.ndarray:
        """Returns the label of an example, [H, W], without decoding its image."""
        kept = self._kept(index)
        if kept is not None:
            return kept["label"]
        return self.decoder.label(self.records[index])

    def holding(self, classes: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the sorted indices of the examples that contain any of `classes`.

        The first call reads all labels.

        Args:
          classes: Class names.

        Raises:
          ValueError: If a name is not a class of the dataset.
        """
        if not classes:
            return ()
        if classes not in self._holding:
            if wrong := [name for name in classes if name not in self.spec.classes]:
                raise ValueError(
                    f"data.oversample_classes={wrong[0]!r} is invalid"
                    f"{one_of(wrong[0], self.spec.classes)}"
                )
            found = (holds(self.label(i), classes, self.spec) for i in range(len(self)))
            self._holding[classes] = tuple(i for i, held in enumerate(found) if held)
        return self._holding[classes]

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """Returns the names of the examples. The first call reads every example."""
        return tuple(record["id"].decode() for record in self.records)

    @functools.cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Returns the (H, W) of each image. The first call reads all image headers."""
        return tuple(self.decoder.size(record) for record in self.records)

    def _decode(self, opened: Opened) -> dict:
        return opened.read(Area.whole(opened.size))

    def _kept(self, index: int) -> dict | None:
        return None if self._cache is None else self._cache.get(index)


def open_stored(config: DataConfig, split: str) -> Source:
    """Opens the examples of a split and prepares the dataset on first use.

    Unlike `jaxseg.data.open_source`, it does not compute statistics of pixels.

    Args:
      config: The dataset and the options for reading it.
      split: A split, or a slice such as "train[90%:]".

    Raises:
      ValueError: If a name is unknown, a file is bad, or the split is empty.
    """
    if config.backend not in FILE_FORMATS:
        raise ValueError(
            f"data.backend={config.backend!r} is invalid"
            f"{one_of(config.backend, FILE_FORMATS)}"
        )
    if config.backend == "tf":
        from jaxseg.data import tf_backend  # Its error names the extra to install.

        tf_backend.load_tensorflow()
    if require_kind(config, "images").builder is not None:
        opened = open_examples(config, split)
        return Source(
            opened.records,
            opened.spec,
            split=split,
            folder=opened.folder,
            backend=config.backend,
            workers=config.workers,
            cache=config.cache,
            decoder=opened.decoder,
        )
    chosen = builder_config(
        config, split_names(split, config.train_split, config.eval_split)
    )
    pixels = getattr(chosen, "pixels", RGB8)
    if config.backend == "tf" and pixels != RGB8:
        raise ValueError(
            f"data.backend='tf' is invalid: expected 'grain', because the images have "
            f"{pixels}, and tf.data reads only 8-bit RGB. Pass --data.backend grain."
        )
    builder = prepare(
        chosen,
        data_folder(config),
        file_format=FILE_FORMATS[config.backend],
    )
    return from_builder(
        builder,
        split,
        backend=config.backend,
        workers=config.workers,
        cache=config.cache,
    )


def from_builder(
    builder: tfds.core.DatasetBuilder,
    split: str,
    *,
    backend: str = "grain",
    workers: int = 2,
    cache: bool = True,
) -> Source:
    """Opens the examples of a split that a tensorflow_datasets builder has prepared.

    Args:
      builder: The builder.
      split: A split, or a slice such as "train[90%:]".
      backend: "grain" or "tf".
      workers: The number of threads that read examples.
      cache: Whether decoded images are kept in memory.

    Raises:
      ValueError: If the split does not exist or is empty.
    """
    check_split(builder, split)
    folder = pathlib.Path(builder.data_dir)
    try:
        if backend == "tf":
            from jaxseg.data import tf_backend

            records = tf_backend.read_records(builder, split)
        else:
            raw = {name: tfds.decode.SkipDecoding() for name in ("image", "label")}
            records = RecordFiles(
                builder, split, features=builder.info.features, decoders=raw
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise DamagedData(folder, error) from error
    return Source(
        Records(records, folder),
        builder.spec(),
        split=split,
        folder=folder,
        backend=backend,
        workers=workers,
        cache=cache,
    )
