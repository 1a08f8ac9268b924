"""Any folder of images and index masks.

Layouts: `root/<split>/images` with `root/<split>/masks`, or `root/images` with
`root/masks` and lists `train.txt`, `val.txt`. Class names come from the configuration,
else from `root/classes.txt`, else from the label map, else they are counted in the
masks. `jaxseg.data.mask_rules` says which mask values are taken as labels.
"""

from __future__ import annotations

import pathlib
from typing import Any

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.classes import find_class_list, read_classes
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.mask_rules import require_background
from jaxseg.data.spec import VOID, DatasetSpec, generated_palette

COUNTED = "counted in the masks"


def config(
    path: str | None,
    *,
    classes: tuple[str, ...] = (),
    labels: Any = (),
    **options,
) -> PairsConfig:
    """Returns the configuration for the files under `path`.

    Args:
      path: The folder.
      classes: Class names; by default those in `path/classes.txt`, if it exists.
      labels: What mask values mean, see `jaxseg.data.labels`.
      **options: Further fields of `PairsConfig`.

    Raises:
      ValueError: If an option is invalid or does not fit the others.
    """
    label_map = parse_labels(labels)
    names, origin = named_classes(path, tuple(classes), label_map)
    if names:
        _spec(names)  # refuses bad names before anything is read
    if label_map is None:
        require_background(names, origin)
    return pairs_config(
        path, Builder, classes=names, origin=origin, labels=label_map, **options
    )


def named_classes(
    path: str | None, classes: tuple[str, ...], labels: LabelMap | None
) -> tuple[tuple[str, ...], str]:
    """Class names by the options and the folder, and where they come from.

    Returns:
      Names, or () where the masks must be counted, and their origin.

    Raises:
      ValueError: If `classes.txt` cannot be used, or the label map does not fit.
    """
    origin = "--data.classes"
    if path and not classes:
        file = find_class_list(pathlib.Path(path).expanduser())
        if file is not None:
            classes, origin = read_classes(file), str(file)
    if labels is not None and classes:
        labels.require_classes(len(classes), origin)
    if classes:
        return classes, origin
    if labels is not None:
        return labels.class_names(), "--data.labels"
    return (), COUNTED


class Builder(PairsBuilder):
    """Images and masks of the user."""

    find_pairs = staticmethod(layouts.folder_pairs)

    def class_names(self) -> tuple[str, ...]:
        """The names given, or () where they are counted."""
        return self.builder_config.classes

    def spec(self) -> DatasetSpec:
        """The classes given, or `class_0`, ... up to the highest label in the masks."""
        names = self.class_names()
        if not names:
            highest = max(set(self.info.metadata["labels"]) - {VOID})
            names = tuple(f"class_{k}" for k in range(highest + 1))
        return self.recorded(_spec(names, self.builder_config.origin))


def _spec(names: tuple[str, ...], origin: str = "") -> DatasetSpec:
    palette = generated_palette(len(names))
    return DatasetSpec("folder", tuple(names), palette, origin=origin)
