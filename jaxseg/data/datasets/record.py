"""Defines the class `Dataset`, which describes a dataset without reading its files."""

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
    """Describes how the examples of a dataset without files are generated.

    Attributes:
      draw: A function that generates one or more examples. Its arguments are a random
        number generator; the number of the call, which starts at 0 in each split; and
        `size`. It yields the name of each example and a dictionary of its arrays:
        "image" and "label", or "points", "color" and "label".
      size: The height and width of images in pixels, or the smallest and the largest
        number of points of a cloud.
      train: The number of calls of `draw` for the training split.
      validation: The number of calls of `draw` for the validation split.
      sized: A format string that writes `size` into the name of the prepared data.
    """

    draw: Draw
    size: tuple[int, int]
    train: int
    validation: int
    sized: str = "{}x{}"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Describes a dataset: its classes, its files and the license of the files.

    Exactly one of `layout`, `drawing` and `builder` states where its examples come
    from.

    Attributes:
      name: The value of `data.name`, and the name of its module in this package.
      title: A sentence that the command line shows.
      spec: The classes, colors, ignore index and pixel statistics, or None if they
        depend on the files in the folder of the user.
      layout: A function that returns the pairs of image and mask of each split. Its
        first argument is a folder. Its second argument contains the names of further
        splits, besides train, validation and test. A text file can list the images of
        a further split. The function can be a dataclass with a method `__call__`.
        Variants of the dataset can change the fields of this dataclass.
      drawing: How the examples are generated, if the dataset has no files.
      builder: The builder of tensorflow_datasets that stores the examples.
      kind: The type of the examples: "images" or "clouds" (point clouds).
      channels: The number of channels of a stored image.
      labels: The map from mask values to classes, or None if the values are the
        classes.
      unlisted: What happens to mask values that `labels` does not contain. "error"
        raises an error, and "void" makes their pixels void.
      read_values: A function that reads the values of a mask as integers [H, W]. By
        default a mask is an image file with one channel. `jaxseg.data.mask_colors`
        contains the function for masks whose classes are colors.
      read_page: A function that reads one picture, uint8 [H, W, 3], from a file that
        contains several pictures. It is used if the image of a pair is a
        `jaxseg.data.parts.Page`.
      read_cloud: A function that reads a point cloud from the files that the layout
        returns as the image of a pair. It returns positions in meters, float32 [N, 3],
        colors, uint8 [N, 3], and labels, uint8 [N].
      multilabel: Whether the classes can overlap. The layout then pairs each image
        with the masks of all classes, which are in one folder per class. See
        `jaxseg.data.class_folders`.
      raw: The mask value of each class in files that a test server expects. The
        default is the smallest value that `labels` maps to the class.
      counts: The published number of examples of each split.
      categories: A dictionary from the name of each published category to its classes.
        Evaluation can score categories in addition to classes.
      options: The properties of the dataset that differ between publications, such as
        the split. Each `Option` contains the variants of one property, and
        `data.variant` selects one of them.
      variant: The names of the selected variants that are not the default.
      files: A description of the files in `data.raw_dir`.
      page: The address of the page that offers the files.
      license: A line that states what the license allows.
      citation: The BibTeX entry.
      notes: Facts that matter for comparing scores.
      version: The version of the prepared data. Increase it if a change of the code
        gives the same files other labels.
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
    multilabel: bool = False
    raw: tuple[int, ...] = ()
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
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
                f"dataset {self.name!r} is invalid: expected exactly one of the "
                "fields layout, drawing and builder."
            )
        if self.spec is not None and self.labels is not None:
            self.labels.require_classes(self.spec.num_classes, f"dataset {self.name!r}")
        fields = {field.name for field in dataclasses.fields(self)}
        if dataclasses.is_dataclass(self.layout):
            inner = dataclasses.fields(self.layout)
            fields |= {LAYOUT + field.name for field in inner}
        check_options(self.name, self.options, fields)

    def choose(self, variant: tuple[str, ...]) -> Dataset:
        """Returns a copy of this description with the variants of `data.variant`.

        Args:
          variant: The names of the selected variants.

        Raises:
          ValueError: If a name is not a variant of this dataset, or two names are
            variants of one property.
        """
        found, names = chosen(self.name, self.options, variant)
        inner = {
            name.removeprefix(LAYOUT): found.pop(name)
            for name in tuple(found)
            if name.startswith(LAYOUT)
        }
        if inner:
            layout: Any = self.layout  # a dataclass, or these options are refused
            found["layout"] = dataclasses.replace(layout, **inner)
        return dataclasses.replace(self, **found, variant=names)

    def raw_values(self) -> tuple[int, ...]:
        """Returns the mask value that a test server expects for each class."""
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
        """Maps predicted classes to the mask values that a test server expects.

        Args:
          label: Classes, integers [H, W] without void.

        Returns:
          Mask values, int32 [H, W].
        """
        return np.array(self.raw_values(), np.int32)[label]

    def where(self) -> str:
        """Returns sentences that say which files are read, and who offers them."""
        text = f"Dataset {self.name!r} reads these files in data.raw_dir: {self.files}"
        return f"{text} They are offered at {self.page}" if self.page else text

    def describe(self) -> dict[str, Any]:
        """Returns a dictionary from each heading of the description to its text.

        `jaxseg data where` prints these headings and texts.
        """
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
