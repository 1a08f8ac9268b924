"""Finds the dataset that a configuration selects, and checks its data options."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from jaxseg.config import DataConfig
from jaxseg.data.classes import folder_spec, named_classes, overlapping_spec
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.tfds_name import is_tfds, parse_name
from jaxseg.data.labels import parse_labels
from jaxseg.data.spec import DatasetSpec
from jaxseg.text import near


def dataset_of(config: DataConfig) -> Dataset:
    """Returns the description of the selected dataset in the selected variant.

    No file is read.

    Args:
      config: The data configuration.

    Raises:
      ValueError: If the name is unknown, or an option does not apply to the dataset.
    """
    name = config.name
    if is_tfds(name):
        return _external(config)
    if name not in DATASETS:
        raise ValueError(
            f"data.name={name!r} is invalid{near(name, (*DATASETS, 'tfds:NAME'))}"
        )
    for field in ("module", "image", "label"):
        if (value := getattr(config, field)) is not None:
            raise ValueError(
                f"data.{field}={value!r} is invalid: expected none, because {name!r} "
                "is not a dataset of tensorflow_datasets. Leave this option out, or "
                "choose data.name=tfds:NAME."
            )
    dataset = DATASETS[name].choose(config.variant)
    if config.classes and dataset.spec is not None:
        raise ValueError(
            f"data.classes={config.classes} is invalid: expected none, because the "
            f"classes of {name!r} are fixed. Leave this option out."
        )
    if dataset.kind == "clouds" and dataset.drawing is None and config.labels:
        raise ValueError(
            f"data.labels={config.labels!r} is invalid: expected none, because "
            f"{name!r} contains point clouds and has no mask files."
        )
    if dataset.drawing is None:
        return dataset
    if config.raw_dir is not None:
        raise ValueError(
            f"data.raw_dir={config.raw_dir!r} is invalid: expected none, because "
            f"{name!r} is generated and has no files."
        )
    if config.labels:
        raise ValueError(
            f"data.labels={config.labels!r} is invalid: expected none, because "
            f"{name!r} is generated and has no mask files."
        )
    return dataset


def _external(config: DataConfig) -> Dataset:
    """Returns the record of a dataset of tensorflow_datasets.

    Raises:
      ValueError: If the name has another form, or an option does not apply.
    """
    builder = parse_name(config.name)
    refused = {
        "variant": (config.variant, (), "its builder has configurations instead"),
        "on_bad_file": (config.on_bad_file, "stop", "its builder chooses the examples"),
    }
    for field, (value, default, why) in refused.items():
        if value != default:
            raise ValueError(
                f"data.{field}={value!r} is invalid: expected {default!r} for "
                f"data.name={config.name!r}, because {why}."
            )
    return Dataset(
        name=config.name, title="A dataset of tensorflow_datasets.", builder=builder
    )


def dataset_categories(name: str, classes: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Returns a dictionary from each category of a dataset to its class indices.

    The dictionary is empty if the dataset has no categories, or if the classes in its
    categories are not exactly those in `classes`.

    Args:
      name: The name of the dataset.
      classes: The names of the classes that are scored.
    """
    record = None if is_tfds(name) or name not in DATASETS else DATASETS[name]
    categories = {} if record is None else record.categories
    if sorted(k for names in categories.values() for k in names) != sorted(classes):
        return {}
    place = {one: k for k, one in enumerate(classes)}
    return {
        category: tuple(place[one] for one in names)
        for category, names in categories.items()
    }


def require_kind(config: DataConfig, kind: Literal["images", "clouds"]) -> Dataset:
    """Returns the description of the selected dataset, and checks its type of examples.

    Args:
      config: The data configuration.
      kind: "images" or "clouds", the examples that the network needs.

    Raises:
      ValueError: If `dataset_of` refuses the configuration, or the dataset is of
        another kind.
    """
    dataset = dataset_of(config)
    if dataset.kind != kind:
        words = {"images": "images", "clouds": "point clouds"}
        allowed = ", ".join(n for n, other in DATASETS.items() if other.kind == kind)
        raise ValueError(
            f"data.name={config.name!r} is invalid: expected a dataset of "
            f"{words[kind]} for this network, found {words[dataset.kind]}. Choose one "
            f"of these datasets: {allowed}."
        )
    return dataset


def spec_of(config: DataConfig) -> DatasetSpec:
    """Returns the `DatasetSpec` of the selected dataset without reading any file.

    Args:
      config: The data configuration.

    Raises:
      ValueError: If the dataset is a folder whose classes the configuration does not
        name.
    """
    dataset, labels = dataset_of(config), parse_labels(config.labels)
    if dataset.spec is not None:
        record = labels.record if labels else ()
        return dataclasses.replace(dataset.spec, labels=record)
    names, origin = named_classes(None, config.classes, labels)
    if not names:
        raise ValueError(
            f"data.classes={config.classes} is invalid: expected the class names of "
            f"data.name={config.name!r}, because they are not known before the files "
            "are read. Pass --data.classes or --data.labels."
        )
    return (overlapping_spec if dataset.multilabel else folder_spec)(names, origin)
