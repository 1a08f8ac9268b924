"""Where the pairs of a dataset lie and how they are read."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import tensorflow_datasets as tfds

from jaxseg.data import layouts, reader
from jaxseg.data.classes import folder_spec, named_classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.mask_rules import require_background

BAD_FILE_RULES = ("stop", "skip")
LABEL_RULES = 2  # grows when the same masks give other labels: data are prepared anew


@dataclasses.dataclass(eq=False)
class PairsConfig(tfds.core.BuilderConfig):
    """Where the files lie and how they are read; `name` is their fingerprint.

    Attributes:
      dataset: The record of the dataset.
      path: Folder of the raw files.
      classes: Names of a folder of the user, or () where they follow from the masks.
      origin: Where the class names come from.
      labels: What the values of masks mean; by default they are labels.
      on_bad_file: "stop" raises at the first bad file, "skip" leaves the pair out.
      lists: Names of splits beside the usual ones that may have a list.
      reading: Range and limit of the image reader.
    """

    dataset: Dataset | None = None
    path: str = ""
    classes: tuple[str, ...] = ()
    origin: str = ""
    labels: LabelMap | None = None
    on_bad_file: str = "stop"
    lists: tuple[str, ...] = ()
    reading: reader.ReadOptions = reader.DEFAULTS


def pairs_config(
    dataset: Dataset,
    path: str | None,
    *,
    classes: tuple[str, ...] = (),
    labels: Any = (),
    **options: Any,
) -> PairsConfig:
    """Returns a configuration whose name changes with the files and the options.

    Args:
      dataset: The record of the dataset.
      path: Folder of the raw files.
      classes: Class names of a folder of the user; by default those in its
        `classes.txt`, if it exists.
      labels: What mask values mean, see `jaxseg.data.labels`; by default the label map
        of the record.
      **options: Further fields of `PairsConfig`.

    Raises:
      ValueError: If there is no path, or an option is invalid or does not fit the
        others.
    """
    label_map, origin = parse_labels(labels), ""
    if dataset.spec is None:
        classes, origin = named_classes(path, tuple(classes), label_map)
        if classes:
            folder_spec(classes)  # refuses bad names before anything is read
        if label_map is None:
            require_background(classes, origin)
    elif label_map is not None:
        count, name = dataset.spec.num_classes, f"dataset {dataset.name!r}"
        label_map.require_classes(count, name)
    if not path:
        raise ValueError(
            f"data.raw_dir={path!r} is invalid: expected the folder of the dataset's "
            "files."
        )
    root = pathlib.Path(path).expanduser().absolute()
    config = PairsConfig(
        name="",
        dataset=dataset,
        path=str(root),
        classes=classes,
        origin=origin,
        labels=label_map,
        **options,
    )
    if config.on_bad_file not in BAD_FILE_RULES:
        raise ValueError(
            f"data.on_bad_file={config.on_bad_file!r} is invalid: expected one of "
            f"{', '.join(BAD_FILE_RULES)}."
        )
    pairs = dataset.layout(root, config.lists)
    return dataclasses.replace(config, name=layouts.fingerprint(pairs, _rules(config)))


def _rules(config: PairsConfig) -> tuple[object, ...]:
    """What decides, beside the files, what prepared data hold."""
    variant = config.dataset.variant
    return (
        *(config.classes, config.labels, config.on_bad_file, config.reading),
        *(LABEL_RULES, reader.VERSION),
        *((variant,) if variant else ()),
    )
