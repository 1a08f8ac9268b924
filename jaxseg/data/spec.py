"""Describes datasets by class names, colors, ignore index, pixels and statistics."""

from __future__ import annotations

import colorsys
import dataclasses
import functools
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxseg.storage.json_file import parse_json
from jaxseg.text import printable

if TYPE_CHECKING:  # Few networks are trained on several datasets.
    from jaxseg.data.mix.member import Member
    from jaxseg.data.mix.union import Union

VOID = 255  # The ignore index of 8-bit labels.
WIDE_VOID = 65535  # The ignore index of 16-bit labels.
MOST_CLASSES = 4095  # The logits of 1024 x 1024 pixels then take 16 GiB.
MOST_CHANNELS = 32  # Covers multispectral images and rejects swapped axes.
IMAGE_TYPES = ("uint8", "uint16", "float32")
Color = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Describes the classes and the pixels of a dataset.

    Label k means `classes[k]` and is drawn in the color `palette[k]`.

    Attributes:
      name: The name of the dataset, for error messages.
      classes: The class names in label order, at most 255, or at most 4095 if `void` is
        65535.
      palette: The RGB color of each class, with values from 0 to 255.
      void: The ignore index, the label of pixels that count neither in training nor in
        scores. Labels have 8 bits if it is at most 255, and otherwise 16 bits.
      mean: The mean of each channel after `value_range` is mapped to [0, 1]. It is
        subtracted from images.
      std: The standard deviation of each channel, by which images are divided.
      labels: The pairs (mask value, class or "void") of the label map of the masks. It
        is empty if the mask values are the labels.
      origin: Where the class names come from, or "" if jaxseg defines them.
      source: Names and values that identify a dataset of tensorflow_datasets: the
        builder with its version, the features and a digest. It is empty otherwise.
      image_type: The type of stored pixels, "uint8", "uint16" or "float32".
      value_range: The pixel values that are mapped to 0 and 1.
      members: The datasets on which one network is trained, or () for a single dataset.
        Each maps its own classes to classes of this specification.
      multilabel: Whether the classes can overlap. A label then contains one bit for
        each class, see `jaxseg.data.label_bits`.
      threshold: For networks with sigmoid outputs, the probability above which a class
        counts as present.

    Raises:
      ValueError: If names repeat, the numbers of colors and classes differ, or a value
        is out of bounds.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Color, ...]
    void: int = VOID
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    labels: tuple[tuple[int, int | str], ...] = ()
    origin: str = ""
    source: tuple[tuple[str, str], ...] = ()
    image_type: str = "uint8"
    value_range: tuple[float, float] = (0, 255)
    members: tuple[Member, ...] = ()
    multilabel: bool = False
    threshold: float = 0.5

    def __post_init__(self):
        most = min(self.void, MOST_CLASSES)
        if not 1 <= len(self.classes) <= most:
            raise ValueError(
                f"The class list of {self.name!r} is invalid: expected 1 to "
                f"{most} names, found {len(self.classes)}."
            )
        self._check_pixels()
        if not 0 < self.threshold < 1:
            raise ValueError(
                f"threshold={self.threshold} is invalid: expected a number between 0 "
                "and 1, the probability above which a class is present."
            )
        repeated = sorted({c for c in self.classes if self.classes.count(c) > 1})
        if repeated:
            raise ValueError(
                f"The class list of {self.name!r} is invalid: expected each name once, "
                f"found {repeated} repeated."
            )
        if len(self.palette) != len(self.classes):
            raise ValueError(
                f"The palette of {self.name!r} is invalid: expected "
                f"{len(self.classes)} colors, one per class, found "
                f"{len(self.palette)}."
            )

    def _check_pixels(self):
        low, high = self.value_range
        if not 1 <= len(self.mean) == len(self.std) <= MOST_CHANNELS:
            raise ValueError(
                f"The statistics of {self.name!r} are invalid: expected a mean and a "
                f"deviation for each of 1 to {MOST_CHANNELS} channels, found "
                f"{len(self.mean)} and {len(self.std)}."
            )
        if self.image_type not in IMAGE_TYPES or not low < high:
            raise ValueError(
                f"The pixels of {self.name!r} are invalid: expected one of the types "
                f"{', '.join(IMAGE_TYPES)} and a range with the lower value first, "
                f"found {self.image_type!r} and {self.value_range}."
            )

    @property
    def num_classes(self) -> int:
        """Returns the number of classes without void."""
        return len(self.classes)

    @functools.cached_property
    def union(self) -> Union | None:
        """Returns `classes` and `members` as a `Union`, or None if `members` is ()."""
        if not self.members:
            return None
        from jaxseg.data.mix.union import Union

        return Union(self.classes, self.members)

    @property
    def channels(self) -> int:
        """Returns the number of channels of an image."""
        return len(self.mean)

    @property
    def image_dtype(self) -> np.dtype:
        """Returns the type of the pixels of images in examples and batches."""
        return np.dtype(self.image_type)

    @property
    def label_dtype(self) -> np.dtype:
        """Returns the type of labels in examples and batches, uint8 or uint16."""
        return np.dtype(np.uint8 if self.void <= VOID else np.uint16)

    @property
    def is_rgb8(self) -> bool:
        """Returns whether images are 8-bit RGB and `value_range` is (0, 255)."""
        pixels = (self.channels, self.image_type, tuple(self.value_range))
        return pixels == (3, "uint8", (0, 255))

    @property
    def mean_color(self) -> tuple[float, ...]:
        """Returns the mean pixel value of each channel, with which images are padded.

        For integer pixels, it is rounded and clipped to the range of the type.
        """
        low, high = self.value_range
        values = [low + (high - low) * value for value in self.mean]
        if self.image_dtype.kind == "f":
            return tuple(values)
        largest = np.iinfo(self.image_dtype).max
        return tuple(min(max(int(value + 0.5), 0), largest) for value in values)

    def normalized_as(self, other: DatasetSpec) -> DatasetSpec:
        """Returns a copy with the value range, mean and deviation of `other`."""
        return dataclasses.replace(
            self, mean=other.mean, std=other.std, value_range=other.value_range
        )

    def to_json(self) -> str:
        """Returns the specification as JSON text, which `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> DatasetSpec:
        """Reads a specification that `to_json` wrote, in this or an earlier version.

        Args:
          text: The JSON text.

        Raises:
          ValueError: If the text is not JSON, or a field is missing, unknown or of
            another type.
        """
        fields = parse_json(text)
        known = [field.name for field in dataclasses.fields(cls)]
        # Earlier versions did not write these fields.
        later = {"labels", "origin", "source", "image_type", "value_range", "members"}
        later |= {"multilabel", "threshold"}
        if not isinstance(fields, dict):
            raise ValueError(f"the text is not a JSON object with the fields {known}")
        if not set(known) - later <= set(fields) <= set(known):
            raise ValueError(f"the fields are {sorted(fields)} instead of {known}")
        for name, value in fields.items():
            if not _FORMS[name](value):
                found = printable(repr(value))
                raise ValueError(f"the field {name!r} has the invalid value {found}")
        members = _members_of(fields.pop("members", ()))
        values = {name: _as_tuples(value) for name, value in fields.items()}
        return cls(**values, members=members)


def _members_of(values: Sequence[Any]) -> tuple[Member, ...]:
    if not values:
        return ()
    from jaxseg.data.mix.member import Member

    return tuple(map(Member.from_json, values))


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_label(value: Any) -> bool:
    return type(value) is int and 0 <= value <= WIDE_VOID


def _is_level(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 255


def _is_real(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_pair(value: Any) -> bool:
    """Returns whether a value is [mask value, class or "void"]."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    return type(value[0]) is int and (value[1] == "void" or _is_label(value[1]))


def _is_texts(value: Any) -> bool:
    """Returns whether a value is [name, text]."""
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value))


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_level, value))


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_real, value))


def _list_of(form: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(form, value))


_FORMS = {  # The form of each field in JSON.
    "name": _is_text,
    "classes": _list_of(_is_text),
    "palette": _list_of(_is_color),
    "void": _is_label,
    "mean": _list_of(_is_real),
    "std": _list_of(_is_real),
    "labels": _list_of(_is_pair),
    "origin": _is_text,
    "source": _list_of(_is_texts),
    "image_type": _is_text,
    "value_range": _is_range,
    "members": lambda value: isinstance(value, list),  # see `Member.from_json`
    "multilabel": lambda value: isinstance(value, bool),
    "threshold": _is_real,
}


def placeholder_classes(num_classes: int) -> tuple[str, ...]:
    """Returns class names for converted weights whose class names are unknown.

    >>> placeholder_classes(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {k}" for k in range(num_classes))


def generated_palette(num_classes: int) -> tuple[Color, ...]:
    """Returns one color for each class: black, then colors of clearly different hues.

    >>> generated_palette(2)
    ((0, 0, 0), (230, 46, 46))
    """
    return ((0, 0, 0), *(_hue(k) for k in range(num_classes - 1)))


def _hue(k: int) -> Color:
    value = (0.9, 0.65, 1.0)[k % 3]
    channels = colorsys.hsv_to_rgb(k * 0.6180339887 % 1.0, 0.8, value)
    red, green, blue = (round(255 * channel) for channel in channels)
    return red, green, blue
