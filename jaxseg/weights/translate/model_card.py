"""The card of imported weights: where they come from and what images they expect."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from jaxseg.storage import atomic
from jaxseg.storage.json_file import parse_json
from jaxseg.storage.text import read_text

NAME = "card.json"
LICENSES = {
    "torchvision": "code BSD-3-Clause; the weights carry the terms of the data they "
    "were trained on (ImageNet, COCO)",
    "timm": "code Apache-2.0; each model's own card names the license of its weights",
    "segmentation_models_pytorch": "code MIT; encoder weights as their own sources say",
    "mmsegmentation": "Apache-2.0; the terms of the training data also apply",
    "milesial/Pytorch-UNet": "GPL-3.0; the terms of the training data also apply",
}


@dataclasses.dataclass(frozen=True)
class Normalization:
    """`(image * range - mean) / std` on an image in 0..1, channels in `order`."""

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    range: float = 1.0
    order: str = "RGB"


IMAGENET = Normalization()
UNIT = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # 0..1 as it is
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # Inception's: -1..1


@dataclasses.dataclass(frozen=True)
class Card:
    """What a user of the weights must know.

    `model` and `options` rebuild the network by `create_model`; `classes` may
    be empty where the checkpoint does not name them; `note` says what is not known.
    """

    model: str
    num_classes: int | None
    options: dict[str, Any]
    source: str
    sha256: str
    library: str
    license: str
    normalization: Normalization
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    note: str = ""

    def write(self, folder: str | os.PathLike) -> None:
        """Writes `card.json` into a folder."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        atomic.write_text(pathlib.Path(folder) / NAME, text)


def read_card(folder: str | os.PathLike) -> Card:
    """The card in a folder.

    Raises:
      ValueError: Fields are missing or unknown, or it is no JSON.
    """
    path = pathlib.Path(folder) / NAME
    text = read_text(path)
    try:
        fields = parse_json(text)
        for old, new in (("normalisation", "normalization"), ("licence", "license")):
            if old in fields:  # cards written before the names changed
                fields[new] = fields.pop(old)
        fields["normalization"] = _normalization(fields["normalization"])
        fields["classes"] = tuple(fields["classes"])
        fields["palette"] = tuple(tuple(color) for color in fields["palette"])
        return Card(**fields)
    except (TypeError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no card of weights: {error}") from error


def _normalization(fields: Mapping[str, Any]) -> Normalization:
    return Normalization(
        tuple(fields["mean"]), tuple(fields["std"]), fields["range"], fields["order"]
    )


def normalization_of(fields: Any) -> Normalization | None:
    """The mean and deviation in timm's `pretrained_cfg`, None without them."""
    fields = fields if isinstance(fields, Mapping) else {}
    mean, std = fields.get("mean"), fields.get("std")
    for values in (mean, std):
        if not isinstance(values, list) or len(values) != 3:
            return None
        if not all(type(v) in (int, float) and 0 <= v <= 1 for v in values):
            return None
    return Normalization(tuple(mean), tuple(std)) if min(std) > 0 else None


def license(library: str) -> str:
    """A note on the license, for every library that `library` names."""
    notes = [f"{name}: {note}" for name, note in LICENSES.items() if name in library]
    return "; ".join(notes) or "unknown; ask the author of the file"


def sha256(path: str | os.PathLike) -> str:
    """The digest of a file; empty for a directory."""
    if os.path.isdir(path):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def classes(beside: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple]:
    """Class names and colors in mmseg's `meta` (both its old and new spelling)."""
    meta = beside.get("meta")
    if not isinstance(meta, Mapping):
        return (), ()
    nested = meta.get("dataset_meta")
    for place in (nested, meta):
        if not isinstance(place, Mapping):
            continue
        names = place.get("classes") or place.get("CLASSES")
        colors = place.get("palette") or place.get("PALETTE") or ()
        if _are_names(names):
            return tuple(names), _colors(colors, len(names))
    return (), ()


def _are_names(names: Any) -> bool:
    return (
        isinstance(names, list | tuple)
        and 0 < len(names) <= 10_000
        and all(isinstance(name, str) for name in names)
    )


def _colors(colors: Any, count: int) -> tuple:
    """Colors if there is one RGB triple per class, else none."""
    if not isinstance(colors, list | tuple) or len(colors) != count:
        return ()
    for color in colors:
        three = isinstance(color, list | tuple) and len(color) == 3
        if not three or not all(type(v) is int and 0 <= v < 256 for v in color):
            return ()
    return tuple(tuple(color) for color in colors)
