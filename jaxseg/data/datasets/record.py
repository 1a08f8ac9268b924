"""Defines the record of a dataset, which contains all that is known without its
files.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from jaxseg.data.datasets.tfds_name import BuilderName
from jaxseg.data.datasets.variants import Option, check_options, chosen
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair
from jaxseg.data.parts import File, Joined, Page
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import DatasetSpec

LAYOUT = "layout."  # Choices name fields of the layout with this prefix.
Layout = Callable[[pathlib.Path, tuple[str, ...]], dict[str, list[Pair]]]
ValueReader = Callable[[File, ReadOptions], np.ndarray]
PageReader = Callable[[Page], np.ndarray]
CloudReader = Callable[[Joined], tuple[np.ndarray, np.ndarray, np.ndarray]]
Draw = Callable[
    [np.random.Generator, int, tuple[int, int]],
    Iterator[tuple[str, dict[str, np.ndarray]]],
]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """States how examples that need no files are generated.

    Attributes:
      draw: Yields the name and the arrays of each example that belongs to a number:
        "image" and "label", or "points", "color" and "label". Its arguments are a
        random generator, the number and `size`.
      size: Height and width in pixels, or the smallest and the largest number of
        points.
      train: The number of drawings in the training split.
      validation: The number of drawings in the validation split.
      sized: The format of the size in the names of prepared data.
    """

    draw: Draw
    size: tuple[int, int]
    train: int
    validation: int
    sized: str = "{}x{}"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Describes a dataset.

    Exactly one of `layout`, `drawing` and `builder` states where its examples come
    from.

    Attributes:
      name: The value of `data.name`, and the name of its file in this package.
      title: A sentence that the command line shows.
      spec: The classes, colors, ignore index and pixel statistics, or None if they
        follow from the folder of the user.
      layout: Maps a folder, and the names of further splits that can have a list, to
        the pairs of image and mask of each split. It is a function, or a dataclass
        with a method `__call__` whose fields are the choices that options change.
      drawing: How the examples are generated.
      builder: The builder of tensorflow_datasets that stores the examples.
      kind: Whether an example is an image or a point cloud.
      channels: The number of channels of a stored image.
      labels: The class of every mask value, or None if the values are the labels.
      unlisted: Whether a mask value that `labels` does not contain is an error or void.
      read_values: Reads the values of a mask as integers [H, W]. By default a mask is
        an image file with one channel. `jaxseg.data.mask_colors` has a reader of
        colors.
      read_page: Reads a picture of a file that is not an image file, as uint8
        [H, W, 3]. It is used for images that the layout names by
        `jaxseg.data.parts.Page`.
      read_cloud: Reads a point cloud from the files that the layout names as the image
        of a pair: positions in meters, float32 [N, 3], colors, uint8 [N, 3], and
        labels, uint8 [N].
      raw: The mask value of each class in files for a test server. The default is the
        smallest value that `labels` maps to the class.
      counts: The published number of examples of each split.
      options: Choices that differ between publications.
      variant: The names of the choices that differ from the default.
      files: A description of the files in `data.raw_dir`.
      page: The address of the page that offers the files.
      license: A line that states what the license allows.
      citation: The BibTeX entry.
      notes: What to know before comparing scores.
      version: The version of the prepared data. Increase it when the same files give
        other labels.
    """

    name: str
    title: str
    spec: DatasetSpec | None = None
    layout: Layout | None = None
    drawing: Drawing | None = None
    builder: BuilderName | None = None
    kind: Literal["images", "clouds"] = "images"
    channels: int = 3
    labels: LabelMap | None = None
    unlisted: Literal["error", "void"] = "error"
    read_values: ValueReader | None = None
    read_page: PageReader | None = None
    read_cloud: CloudReader | None = None
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
        origins = (self.layout, self.drawing, self.builder)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError(
                f"dataset {self.name!r} is invalid: expected either a layout or a "
                "drawing or a builder."
            )
        if self.spec is not None and self.labels is not None:
            self.labels.require_classes(self.spec.num_classes, f"dataset {self.name!r}")
        fields = {field.name for field in dataclasses.fields(self)}
        if dataclasses.is_dataclass(self.layout):
            inner = dataclasses.fields(self.layout)
            fields |= {LAYOUT + field.name for field in inner}
        check_options(self.name, self.options, fields)

    def choose(self, variant: tuple[str, ...]) -> Dataset:
        """Returns the record with the choices of `data.variant`.

        Args:
          variant: The names of the choices.

        Raises:
          ValueError: If a name is not a choice of this dataset, or two names belong to
            one option.
        """
        found, names = chosen(self.name, self.options, variant)
        inner = {
            name.removeprefix(LAYOUT): found.pop(name)
            for name in tuple(found)
            if name.startswith(LAYOUT)
        }
        if inner:
            found["layout"] = dataclasses.replace(self.layout, **inner)
        return dataclasses.replace(self, **found, variant=names)

    def raw_values(self) -> tuple[int, ...]:
        """Returns the mask value of each class in files for a test server."""
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
        """Maps predicted classes to mask values for a test server.

        Args:
          label: Classes, integers [H, W] without void.

        Returns:
          Mask values, int32 [H, W].
        """
        return np.array(self.raw_values(), np.int32)[label]

    def where(self) -> str:
        """Returns sentences that state which files to put where."""
        text = f"Dataset {self.name!r} reads these files in data.raw_dir: {self.files}"
        return f"{text} They are offered at {self.page}" if self.page else text

    def describe(self) -> dict[str, Any]:
        """Returns a description of the dataset by heading, without empty entries."""
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
