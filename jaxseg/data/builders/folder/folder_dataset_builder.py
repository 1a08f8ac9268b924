"""Any folder of images and index masks.

Layouts: `root/<split>/images` with `root/<split>/masks`, or `root/images` with
`root/masks` and lists `train.txt`, `val.txt`. Class names come from the configuration,
else from `root/classes.txt`, else they are counted in the masks.
"""

from __future__ import annotations

import pathlib

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.classes import read_classes
from jaxseg.data.reader import DEFAULTS, ReadOptions
from jaxseg.data.spec import VOID, DatasetSpec, generated_palette


def config(
    path: str | None,
    *,
    classes: tuple[str, ...] = (),
    on_bad_file: str = "stop",
    lists: tuple[str, ...] = (),
    reading: ReadOptions = DEFAULTS,
) -> PairsConfig:
    """Returns the configuration for the files under `path`.

    Args:
        path: the folder.
        classes: class names; by default those in `path/classes.txt`, if it exists.
        on_bad_file: "stop" or "skip".
        lists: names of splits beside the usual ones that may have a list.
        reading: range and limit of the image reader.
    """
    if path and not classes:
        classes = read_classes(pathlib.Path(path).expanduser())
    if classes:
        _spec(classes)  # refuses bad names before anything is read
    return pairs_config(
        path,
        Builder,
        classes=tuple(classes),
        on_bad_file=on_bad_file,
        lists=lists,
        reading=reading,
    )


class Builder(PairsBuilder):
    """Images and masks of the user."""

    find_pairs = staticmethod(layouts.folder_pairs)

    def class_names(self) -> tuple[str, ...]:
        """The names given, or () where they are counted."""
        return self.builder_config.classes

    def spec(self) -> DatasetSpec:
        """The classes given, or `class_0`, ... up to the highest label in the masks.

        Raises:
            ValueError: if the masks hold one class only, as those do that say 255
                where class 1 is meant.
        """
        labels = [k for k in self.info.metadata["labels"] if k != VOID]
        if labels in ([], [0]) and len(self.class_names()) != 1:
            raise ValueError(
                f"masks in {self.builder_config.path} hold only the labels "
                f"{self.info.metadata['labels']}, and {VOID} is void; "
                "store the classes of a two-class dataset as 0 and 1"
            )
        count = max(labels) + 1
        names = self.class_names() or tuple(f"class_{k}" for k in range(count))
        return _spec(names)


def _spec(names: tuple[str, ...]) -> DatasetSpec:
    return DatasetSpec("folder", tuple(names), generated_palette(len(names)))
