"""Builds a dataset from a folder of images and index masks.

The layout is `root/<split>/images` with `root/<split>/masks`, or `root/images` with
`root/masks` and lists `train.txt`, `val.txt`. The class names come from the
configuration, otherwise from `root/classes.txt`, otherwise from the label map. Without
any of these, the classes are counted in the masks. `jaxseg.data.mask_rules` states
which mask values are accepted as labels.
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
    """Returns the configuration for the files in a folder.

    Args:
      path: The folder.
      classes: The class names. The default is those in `path/classes.txt`, if it
        exists.
      labels: The label map of the masks, in a form that `jaxseg.data.labels` describes.
      **options: Further fields of `PairsConfig`.

    Raises:
      ValueError: If an option is invalid or contradicts another one.
    """
    label_map = parse_labels(labels)
    names, origin = named_classes(path, tuple(classes), label_map)
    if names:
        _spec(names)  # Refuses bad names before anything is read.
    if label_map is None:
        require_background(names, origin)
    return pairs_config(
        path, Builder, classes=names, origin=origin, labels=label_map, **options
    )


def named_classes(
    path: str | None, classes: tuple[str, ...], labels: LabelMap | None
) -> tuple[tuple[str, ...], str]:
    """Returns the class names that the options or the folder give.

    Args:
      path: The folder.
      classes: The class names of the configuration.
      labels: The label map, or None.

    Returns:
      The names and where they come from. The names are () if the classes must be
      counted in the masks.

    Raises:
      ValueError: If `classes.txt` cannot be used, or the label map contradicts the
        names.
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
    """Builds a dataset from the images and masks of the user."""

    find_pairs = staticmethod(layouts.folder_pairs)

    def class_names(self) -> tuple[str, ...]:
        """Returns the given names, or () if the classes are counted in the masks."""
        return self.builder_config.classes

    def spec(self) -> DatasetSpec:
        """Returns the description of the classes.

        Classes without a given name are called `class_0`, `class_1`, and so on.
        """
        names = self.class_names()
        if not names:
            highest = max(set(self.info.metadata["labels"]) - {VOID})
            names = tuple(f"class_{k}" for k in range(highest + 1))
        return self.recorded(_spec(names, self.builder_config.origin))


def _spec(names: tuple[str, ...], origin: str = "") -> DatasetSpec:
    palette = generated_palette(len(names))
    return DatasetSpec("folder", tuple(names), palette, origin=origin)
