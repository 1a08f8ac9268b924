"""Describes imported weights: their source and the images that they expect."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from jaxseg.storage import atomic
from jaxseg.storage.json_file import parse_json
from jaxseg.storage.text import read_text

NAME = "card.json"
LICENSES = {
    "torchvision": "the code is under BSD-3-Clause; the terms of the training "
    "data (ImageNet, COCO) apply to the weights",
    "timm": "the code is under Apache-2.0; the card of each model states the terms of "
    "its weights",
    "segmentation_models_pytorch": "the code is under MIT; the source of the encoder "
    "weights states their terms",
    "efficientnet_pytorch": "code and weights are under Apache-2.0; the terms of the "
    "training data (ImageNet) also apply",
    "mmsegmentation": "the weights are under Apache-2.0; the terms of the training "
    "data also apply",
    "transformers": "the code is under Apache-2.0; the card of each model states the "
    "terms of its weights, and those of the authors of Mask2Former are under "
    "CC-BY-NC-4.0",
    "facebookresearch/dinov2": "code and weights are under Apache-2.0",
    "milesial/Pytorch-UNet": "the weights are under GPL-3.0; the terms of the training "
    "data also apply",
}


@dataclasses.dataclass(frozen=True)
class Normalization:
    """Describes the normalization `(image * range - mean) / std` of an image in [0, 1].

    Attributes:
      mean: The mean of each channel.
      std: The standard deviation of each channel.
      range: The factor by which the image is multiplied before the mean is subtracted.
      order: The order of the channels, "RGB" or "BGR".
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    range: float = 1.0
    order: str = "RGB"


IMAGENET = Normalization()
UNIT = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # Leaves 0..1 unchanged.
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # Gives -1..1, as for Inception.


@dataclasses.dataclass(frozen=True)
class Card:
    """Describes imported weights: the network, the source, the license and the images.

    Attributes:
      model: The name of the network for `create_model`.
      num_classes: The number of classes, or None for a backbone.
      options: The keyword options for `create_model`.
      source: The address of the original file.
      sha256: The digest of the original file.
      library: The library that the weights come from.
      license: A note on the license.
      normalization: The normalization of the images.
      classes: The class names, or () if the checkpoint does not state them.
      palette: The RGB colors of the classes, or ().
      note: A sentence that says what is not known about the weights, or "".
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
        """Writes this description to the file `card.json` in a folder.

        Args:
          folder: The folder.
        """
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        atomic.write_text(pathlib.Path(folder) / NAME, text)


def read_card(folder: str | os.PathLike) -> Card:
    """Reads the description of imported weights from `card.json` in a folder.

    Args:
      folder: The folder.

    Raises:
      ValueError: If the file is not JSON, or fields are missing or unknown.
    """
    path = pathlib.Path(folder) / NAME
    text = read_text(path)
    try:
        fields = parse_json(text)
        for old, new in (("normalisation", "normalization"), ("licence", "license")):
            if old in fields:  # Earlier versions wrote this name.
                fields[new] = fields.pop(old)
        fields["normalization"] = _normalization(fields["normalization"])
        fields["classes"] = tuple(fields["classes"])
        fields["palette"] = tuple(tuple(color) for color in fields["palette"])
        return Card(**fields)
    except (TypeError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is invalid: expected a model card, but {error}."
        ) from error


def _normalization(fields: Mapping[str, Any]) -> Normalization:
    return Normalization(
        tuple(fields["mean"]),
        std=tuple(fields["std"]),
        range=fields["range"],
        order=fields["order"],
    )


def normalization_of(fields: Any) -> Normalization | None:
    """Returns the mean and standard deviation in timm's `pretrained_cfg`.

    Args:
      fields: The entries of `pretrained_cfg`.

    Returns:
      The normalization, or None if it is not stated.
    """
    fields = fields if isinstance(fields, Mapping) else {}
    mean, std = fields.get("mean"), fields.get("std")
    for values in (mean, std):
        if not isinstance(values, list) or len(values) != 3:
            return None
        if not all(type(v) in (int, float) and 0 <= v <= 1 for v in values):
            return None
    return Normalization(tuple(mean), tuple(std)) if min(std) > 0 else None


def license(library: str) -> str:
    """Returns a note on the license of every library that `library` names.

    Args:
      library: The names of one or more libraries.
    """
    notes = [f"{name}: {note}" for name, note in LICENSES.items() if name in library]
    return "; ".join(notes) or "unknown; the author of the file can state it"


def sha256(path: str | os.PathLike) -> str:
    """Returns the SHA-256 digest of a file in hexadecimal, or "" for a directory.

    Args:
      path: The file.
    """
    if os.path.isdir(path):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def classes(beside: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple]:
    """Returns the class names and colors in the `meta` of an MMSegmentation checkpoint.

    Both the key names before version 1.0 of MMSegmentation and the later ones are read.

    Args:
      beside: The entries of the checkpoint file other than the state dict.

    Returns:
      The names and the RGB colors, each () if they are not stated.
    """
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


def _are_names(names: Any) -> TypeGuard[Sequence[str]]:
    return (
        isinstance(names, list | tuple)
        and 0 < len(names) <= 10_000
        and all(isinstance(name, str) for name in names)
    )


def _colors(colors: Any, count: int) -> tuple:
    """Returns the colors if there is one RGB triple per class, and () otherwise."""
    if not isinstance(colors, list | tuple) or len(colors) != count:
        return ()
    for color in colors:
        three = isinstance(color, list | tuple) and len(color) == 3
        if not three or not all(type(v) is int and 0 <= v < 256 for v in color):
            return ()
    return tuple(tuple(color) for color in colors)
