"""Configures where the images and masks of a dataset are and how they are read."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data import layouts, reader
from jaxseg.data.class_folders import class_folder_names, class_mask_reader
from jaxseg.data.classes import folder_spec, named_classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.mask_rules import require_background
from jaxseg.data.parts import File
from jaxseg.data.pixel_type import RGB8, PixelType
from jaxseg.text import one_of

BAD_FILE_RULES = ("stop", "skip")
LABEL_RULES = 2  # Increase it when the same masks give other labels.


@dataclasses.dataclass(eq=False)
class PairsConfig(tfds.core.BuilderConfig):
    """Configures where the images and masks of a dataset are and how they are read.

    The field `name` is a digest that changes when the files or the options change.

    Attributes:
      dataset: The description of the dataset.
      path: The folder of the raw files.
      classes: The class names of a user's folder, or () if the masks determine the
        classes.
      origin: Where the class names come from, for error messages.
      labels: The label map of the masks. By default the mask values are the labels.
      on_bad_file: "stop" raises an error at the first bad file; "skip" leaves the image
        and its mask out.
      lists: The names of further splits, besides train, validation and test. A text
        file NAME.txt can list the images of the split NAME.
      reading: The options of the image reader.
      pixels: The number of channels and the type that all images of the dataset must
        have.
      first: The image file from which `pixels` was read, or None.
    """

    dataset: Dataset | None = None
    path: str = ""
    classes: tuple[str, ...] = ()
    origin: str = ""
    labels: LabelMap | None = None
    on_bad_file: str = "stop"
    lists: tuple[str, ...] = ()
    reading: reader.ReadOptions = reader.DEFAULTS
    pixels: PixelType = RGB8
    first: File | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Returns the class names, or () if the masks determine the classes."""
        spec = self.dataset.spec
        return self.classes if spec is None else spec.classes

    def check_pixels(self, image: File, found: PixelType) -> None:
        """Raises ValueError if an image differs from the first one in channels or type.

        Args:
          image: The file of the image.
          found: The channels and the type of its pixels.
        """
        if found != self.pixels:
            gray = {found.channels, self.pixels.channels} <= {1, 3}
            advice = ", or pass --data.pixels rgb8 to read 8-bit RGB" if gray else ""
            raise ValueError(
                f"{shown(image)} has {found}, but {shown(self.first)} has "
                f"{self.pixels}: expected the same number of channels and the same "
                f"type in all images. Convert one of the two images{advice}."
            )

    @property
    def masks(self) -> MaskReader:
        """Returns the `MaskReader`, which converts the mask files to labels."""
        return MaskReader(
            self.labels or self.dataset.labels,
            given=self.labels is not None,
            num_classes=len(self.class_names) or None,
            origin=self.origin or f"dataset {self.dataset.name!r}",
            reading=self.reading,
            unlisted=self.dataset.unlisted,
            read_values=self._read_values,
            multilabel=self.dataset.multilabel,
        )

    @property
    def _read_values(self):
        if self.dataset.multilabel:
            return class_mask_reader(self.classes)
        return self.dataset.read_values


def pairs_config(
    dataset: Dataset,
    path: str | None,
    *,
    classes: tuple[str, ...] = (),
    labels: Any = (),
    **options: Any,
) -> PairsConfig:
    """Returns the `PairsConfig` of a dataset of image and mask files.

    The name of the configuration changes when the files or the options change.

    Args:
      dataset: The description of the dataset.
      path: The folder of the original files.
      classes: The class names of a user's folder. By default they are read from the
        file `classes.txt` in the folder, if it exists.
      labels: The label map of the masks, in a form that `jaxseg.data.labels` describes.
        The default is the label map of the description.
      **options: Further fields of `PairsConfig`.

    Raises:
      ValueError: If the path is missing, or an option is invalid or contradicts another
        one.
    """
    label_map, origin = parse_labels(labels), ""
    if dataset.multilabel:
        classes, origin = _overlapping(dataset, path, classes, label_map)
    elif dataset.spec is None:
        classes, origin = _exclusive(path, classes, label_map)
    elif label_map is not None:
        count, name = dataset.spec.num_classes, f"dataset {dataset.name!r}"
        label_map.require_classes(count, name)
    if not path:
        raise ValueError(
            f"data.raw_dir={path!r} is invalid: expected the folder of the dataset's "
            f"files. {dataset.where()}"
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
            f"data.on_bad_file={config.on_bad_file!r} is invalid"
            f"{one_of(config.on_bad_file, BAD_FILE_RULES)}"
        )
    try:
        pairs = dataset.layout(root, config.lists)
    except layouts.MissingFiles as error:
        raise ValueError(f"{error} {dataset.where()}") from error
    return _identified(config, pairs)


def reading_of(config: DataConfig, dataset: Dataset) -> reader.ReadOptions:
    """Returns the `ReadOptions` of the image reader for a dataset.

    The images of published datasets are read as 8-bit RGB.

    Args:
      config: The data options.
      dataset: The description of the dataset.

    Raises:
      ValueError: If the options contradict the description of the dataset.
    """
    if dataset.spec is None:
        return reader.options_of(config)
    if config.channels is not None:
        raise ValueError(
            f"data.channels={config.channels} is invalid: expected None, because the "
            f"images of dataset {config.name!r} are read as 8-bit RGB. Leave "
            "data.channels out."
        )
    return reader.options_of(dataclasses.replace(config, pixels="rgb8"))


def _identified(
    config: PairsConfig, pairs: Mapping[str, list[layouts.Pair]]
) -> PairsConfig:
    """Returns a configuration with its name and with the pixels of its images."""
    pixels, first = _first_pixels(pairs, config.reading)
    name = layouts.fingerprint(pairs, _rules(config))
    return dataclasses.replace(config, name=name, pixels=pixels, first=first)


def _first_pixels(
    pairs: Mapping[str, list[layouts.Pair]], reading: reader.ReadOptions
) -> tuple[PixelType, File | None]:
    """Returns the pixels of the first image that can be read, and this image."""
    if reading.pixels == "rgb8":
        return RGB8, None
    for pair in itertools.chain.from_iterable(pairs.values()):
        if pair.image is None:
            continue
        try:
            return reader.read_header(pair.image, reading).pixels, pair.image
        except ValueError:
            continue  # The preparation reports the file.
    return RGB8, None


def _exclusive(path, classes, label_map):
    """Returns the names of classes that exclude each other, and their origin."""
    classes, origin = named_classes(path, tuple(classes), label_map)
    if classes:
        folder_spec(classes)  # Refuses bad names before anything is read.
    if label_map is None:
        require_background(classes, origin)
    return classes, origin


def _overlapping(dataset, path, classes, label_map):
    """Returns the names of classes that can overlap, and their origin."""
    if label_map is not None:
        raise ValueError(
            f"data.labels={str(label_map)!r} is invalid: expected none, because each "
            f"mask of {dataset.name!r} shows one class. Leave data.labels out."
        )
    return class_folder_names(path, classes)


def _rules(config: PairsConfig) -> tuple[object, ...]:
    """Returns the options that determine what prepared data contain."""
    variant, reading = config.dataset.variant, config.reading
    stored = reading.pixels == "stored" and config.dataset.spec is None
    further = (reading.channels, *(() if stored else (reading.pixels,)))
    return (
        *(config.classes, config.labels, config.on_bad_file, config.reading),
        *(LABEL_RULES, reader.VERSION),
        *((variant,) if variant else ()),
        *(further if config.dataset.spec is None and further != (None,) else ()),
    )
