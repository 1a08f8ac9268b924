"""The record of a dataset: all that jaxseg knows of it, before a file is read."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from jaxseg.data.datasets.variants import Option, check_options, chosen
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import DatasetSpec

Layout = Callable[[pathlib.Path, tuple[str, ...]], dict[str, list[Pair]]]
ValueReader = Callable[[pathlib.Path, ReadOptions], np.ndarray]
Draw = Callable[
    [np.random.Generator, int, tuple[int, int]],
    Iterator[tuple[str, dict[str, np.ndarray]]],
]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """How examples that need no files are drawn.

    Attributes:
        draw: Yields the name and the arrays of each example that belongs to a number:
            "image" and "label", or "points", "color" and "label". Its other arguments
            are a random generator and `size`.
        size: Height and width in pixels, or the fewest and the most points.
        train: How many numbers the split has.
        validation: Likewise.
        sized: How the names of prepared data show the size.
    """

    draw: Draw
    size: tuple[int, int]
    train: int
    validation: int
    sized: str = "{}x{}"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A dataset by name.

    Exactly one of `layout` and `drawing` says where its examples come from.

    Attributes:
        name: The value of `data.name`, and the name of its file in this package.
        title: One sentence that the command line shows.
        spec: Classes, colors, void label and pixel statistics; None where they follow
            from the folder of the user.
        layout: Maps a folder, and names of further splits that may have a list, to the
            pairs of image and mask of each split.
        drawing: How the examples are drawn.
        kind: Whether an example is an image or a point cloud.
        channels: Channels of a stored image.
        labels: The class of every mask value; None where the values are the labels.
        unlisted: Whether a mask value that `labels` lacks is an error or void.
        read_values: Reads the values of a mask as integers [H, W]; by default it is an
            image file with one channel. `jaxseg.data.mask_colors` has a reader of
            colors.
        raw: The mask value of each class for files that a test server takes; by default
            the smallest value that `labels` maps to the class.
        counts: Split -> number of its examples as published.
        options: Choices that published work makes differently.
        variant: Names of the choices that differ from the default.
        files: Which files lie where below `data.raw_dir`.
        page: Address of the page that offers the files.
        license: What the license allows, in a line.
        citation: The BibTeX entry.
        notes: What one should know before comparing scores.
        version: Version of the prepared data. It must grow when the same files give
            other labels.
    """

    name: str
    title: str
    spec: DatasetSpec | None = None
    layout: Layout | None = None
    drawing: Drawing | None = None
    kind: Literal["images", "clouds"] = "images"
    channels: int = 3
    labels: LabelMap | None = None
    unlisted: Literal["error", "void"] = "error"
    read_values: ValueReader | None = None
    raw: tuple[int, ...] = ()
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    options: tuple[Option, ...] = ()
    variant: tuple[str, ...] = ()
    files: str = ""
    page: str = ""
    license: str = ""
    citation: str = ""
    notes: str = ""
    version: str = "1.0.0"

    def __post_init__(self):
        if (self.layout is None) == (self.drawing is None):
            raise ValueError(
                f"dataset {self.name!r} is invalid: expected either a layout or a "
                "drawing."
            )
        if self.spec is not None and self.labels is not None:
            self.labels.require_classes(self.spec.num_classes, f"dataset {self.name!r}")
        fields = {field.name for field in dataclasses.fields(self)}
        check_options(self.name, self.options, fields)

    def choose(self, variant: tuple[str, ...]) -> Dataset:
        """The record with the choices that `data.variant` names.

        Raises:
            ValueError: If a word is no choice of this dataset, or two words choose
                within one option.
        """
        changes, names = chosen(self.name, self.options, variant)
        return dataclasses.replace(self, **changes, variant=names)

    def raw_values(self) -> tuple[int, ...]:
        """The mask value that stands for each class in files for a test server."""
        if self.raw:
            return self.raw
        classes = range(self.spec.num_classes if self.spec else 0)
        if self.labels is None:
            return tuple(classes)
        smallest: dict[int, int] = {}
        for value, label in self.labels.pairs:
            smallest.setdefault(label, value)
        return tuple(smallest[k] for k in classes)

    def to_raw(self, label: np.ndarray) -> np.ndarray:
        """Maps predicted classes back to mask values, for a test server.

        Args:
            label: Classes, integers [H, W] without void.

        Returns:
            Mask values, int32 [H, W].
        """
        return np.array(self.raw_values(), np.int32)[label]

    def describe(self) -> dict[str, Any]:
        """What is shown of the dataset, by heading; empty entries are left out."""
        counts = ", ".join(f"{count:,} {split}" for split, count in self.counts.items())
        classes = "" if self.spec is None else ", ".join(self.spec.classes)
        shown = {
            "title": self.title,
            "classes": classes,
            "splits": counts,
            "files": self.files,
            "variants": "\n".join(option.describe() for option in self.options),
            "page": self.page,
            "license": self.license,
            "notes": self.notes,
            "citation": self.citation,
        }
        return {heading: text for heading, text in shown.items() if text}
