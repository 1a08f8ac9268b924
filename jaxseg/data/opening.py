"""Opens the examples of a split, with the statistics that normalize them."""

from __future__ import annotations

import functools
import pathlib

from jaxseg.config import DataConfig
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.normalization import normalized_spec, require_pixels
from jaxseg.data.prepare import data_folder
from jaxseg.data.source import Source, open_stored
from jaxseg.data.spec import DatasetSpec

EXTERNAL = "tfds_statistics"  # Folders of other programs may be read-only.


def open_source(
    config: DataConfig, split: str, *, trained: DatasetSpec | None = None
) -> Source:
    """Opens a split as a `Source`, which reads its examples by index.

    A dataset that is opened for the first time is converted to files with random
    access, which later calls read.

    Args:
      config: The dataset and how it is read.
      split: A split, or a slice such as "train[90%:]".
      trained: The specification of a trained network, whose value range, mean and
        standard deviation normalize the images. By default, the statistics of the
        dataset normalize them; see `jaxseg.data.normalization`.

    Raises:
      ValueError: If a name is unknown, a file is bad, or the split is empty, or if the
        images differ in channels or type from the training images.
    """
    source = open_stored(config, split)
    if trained is not None:
        require_pixels(source.spec, trained)
        source.spec = source.spec.normalized_as(trained)
        return source
    source.spec = normalized_spec(
        config,
        source,
        functools.partial(open_stored, config, config.train_split),
        folder=_folder(config, source),
    )
    return source


def _folder(config: DataConfig, source: Source) -> pathlib.Path | None:
    """Returns the folder in which the statistics of a source are stored."""
    if dataset_of(config).builder is not None:
        return data_folder(config) / EXTERNAL
    return source.folder
