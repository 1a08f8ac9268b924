"""Defines files that `jaxseg predict` writes in addition to the predicted classes.

A map of uncertainty is written as numbers to NAME_uncertainty_MAP.tiff (or .npy) and as
a picture to a PNG file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image, TiffImagePlugin

from jaxseg.data import DatasetSpec
from jaxseg.inference.prediction import Segmented
from jaxseg.inference.uncertainty.averaging import Map, largest_value
from jaxseg.storage import atomic
from jaxseg.viz import save_image
from jaxseg.viz.map_picture import map_picture

MapFormat = Literal["tiff", "npy"]
DESCRIPTION = 270  # The number of the TIFF tag ImageDescription.
UNITS = {
    "entropy": "predictive entropy in nats",
    "mutual_information": "mutual information in nats",
    "variation_ratio": "variation ratio",
}


@dataclasses.dataclass(frozen=True)
class Found:
    """Contains an image and its segmentation, before any refinement.

    Attributes:
      pixels: The image as stored, padded at the bottom and the right, [H, W, C].
      size: Its height and width without padding.
      probabilities: The probabilities of the padded image, float32 [H, W, K], or None
        if they were not computed.
      maps: A dictionary from names to maps of uncertainty of the padded image, each
        float32 [H, W].
    """

    pixels: np.ndarray
    size: tuple[int, int]
    probabilities: np.ndarray | None
    maps: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls, batch: Segmented, pixels: np.ndarray, row: int, size: tuple[int, int]
    ) -> Found:
        """Returns one image of a batch, with its segmentation.

        Args:
          batch: The segmentation of the whole batch.
          pixels: The images of the batch, [B, H, W, C].
          row: The index of the image in the batch.
          size: Its height and width without padding.
        """
        soft = batch.probabilities
        return cls(
            pixels[row],
            size=size,
            probabilities=None if soft is None else soft[row],
            maps={name: values[row] for name, values in batch.maps.items()},
        )


class ExtraFiles(Protocol):
    """Defines the methods of objects that write additional files for each image.

    Attributes:
      needs_probabilities: Whether the files depend on the class probabilities.
    """

    needs_probabilities: bool

    def write(self, target: Path, found: Found) -> None:
        """Writes the additional files of one image.

        Args:
          target: The path of the image's files, without the suffix that each file adds.
          found: The image and its segmentation.
        """


@dataclasses.dataclass(frozen=True)
class UncertaintyMaps:
    """Writes each map of uncertainty of an image as a file of numbers and a picture.

    Attributes:
      names: The names of the maps.
      spec: The classes, whose number determines the scale of the pictures.
      file_format: The format of the numbers, float32 [H, W]: "tiff" or "npy".
    """

    names: tuple[Map, ...]
    spec: DatasetSpec
    file_format: MapFormat = "tiff"
    needs_probabilities = False

    def write(self, target: Path, found: Found) -> None:
        """Writes the maps of uncertainty of one image."""
        height, width = found.size
        paths = map_paths(target, self.names, self.file_format)
        for name, (numbers, picture) in zip(self.names, paths, strict=True):
            values = found.maps[name][:height, :width]
            write_map(numbers, values, UNITS[name])
            bound = largest_value(
                name,
                num_classes=self.spec.num_classes,
                multilabel=self.spec.multilabel,
            )
            high = bound
            if name == "mutual_information":  # It is mostly far below its bound.
                high = max(float(values.max()), bound / 100)
            save_image(picture, map_picture(values, title=UNITS[name], high=high))


def map_paths(
    target: Path, names: Sequence[Map], file_format: MapFormat
) -> list[tuple[Path, Path]]:
    """Returns a list with a pair of paths for each map: its numbers and its picture.

    Args:
      target: The path of the image's files, without the suffix that each file adds.
      names: The names of the maps.
      file_format: The format of the numbers.
    """
    bases = [f"{target.name}_uncertainty_{name}" for name in names]
    return [
        (target.with_name(f"{base}.{file_format}"), target.with_name(f"{base}.png"))
        for base in bases
    ]


def write_map(path: Path, values: np.ndarray, description: str) -> None:
    """Writes a map of uncertainty as float32 numbers.

    Args:
      path: The file, which ends in .tiff or .npy.
      values: The map, [H, W].
      description: What the numbers mean. TIFF files contain it as ImageDescription.
    """
    values = np.ascontiguousarray(values, np.float32)
    with atomic.replacing(path) as temporary:
        if path.suffix == ".npy":
            np.save(temporary, values)
            return
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[DESCRIPTION] = description
        Image.fromarray(values).save(temporary, "TIFF", tiffinfo=tags)
