"""Selects the builder of tensorflow_datasets that prepares a dataset."""

from __future__ import annotations

import functools
import os

import tensorflow_datasets as tfds

from jaxseg.data.builders.clouds import CloudsBuilder
from jaxseg.data.builders.drawn import DrawnBuilder
from jaxseg.data.builders.named import NamedBuilder
from jaxseg.data.builders.pairs import PairsBuilder


def builder_of(
    config: tfds.core.BuilderConfig, data_dir: str | os.PathLike, file_format: str
) -> NamedBuilder:
    """Returns the builder object of a dataset, but does not prepare the data.

    Args:
      config: The builder configuration of the dataset.
      data_dir: The folder of the prepared data.
      file_format: "array_record" or "tfrecord".
    """
    record = config.dataset
    base = DrawnBuilder
    if record.drawing is None:
        base = PairsBuilder if record.kind == "images" else CloudsBuilder
    kind = _named(base, record.name, record.version)
    return kind(config=config, data_dir=os.fspath(data_dir), file_format=file_format)


@functools.cache
def _named(base: type[NamedBuilder], name: str, version: str) -> type[NamedBuilder]:
    """Returns a separate class for each dataset.

    tensorflow_datasets stores name and version in the class.
    """
    fields = {"name": name, "VERSION": tfds.core.Version(version)}
    fields |= {"__module__": base.__module__}
    return type(base)(base.__name__, (base,), fields, skip_registration=True)
