"""Writes predicted classes in the file formats of test servers and annotation tools.

The modules for datasets and polygons are imported inside functions, because most
predictions do not need them and start faster without them.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg import viz
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.mask_colors import values_to_colors
from jaxseg.data.spec import VOID
from jaxseg.storage import atomic

SUFFIXES = {"raw": "_raw.png", "geojson": ".geojson", "coco": "_coco.json"}
_COLOR = 65536  # Larger values are numbers of colors, see `jaxseg.data.mask_colors`.


@dataclasses.dataclass(frozen=True)
class FurtherFiles:
    """Writes the predicted classes of images in additional file formats.

    Attributes:
      formats: The names of the formats to write. "raw" is a PNG with the mask values of
        the dataset's own files, which its test server expects. "geojson" is a
        FeatureCollection (RFC 7946) of the outlines of all regions in pixel
        coordinates. "coco" is a list of COCO annotations with run-length encoded masks.
      classes: The names of the classes.
      values: The value that stands for each class in the mask files of the dataset,
        which the format "raw" needs.
      void: The ignore index.
    """

    formats: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    values: tuple[int, ...] = ()
    void: int = VOID

    def write(self, target: Path, labels: np.ndarray) -> None:
        """Writes one file in each format for one image.

        Args:
          target: The path of the files, without the suffix that each format adds.
          labels: The predicted classes, integers [H, W].
        """
        if not self.formats:
            return
        from jaxseg.data.polygons import coco_annotations, label_features

        for name in self.formats:
            path = further_path(target, name)
            if name == "raw":
                viz.save_image(path, self._raw(labels))
            elif name == "geojson":
                _write(path, label_features(labels, self.classes, void=self.void))
            elif name == "coco":
                number = _image_id(target.name)
                _write(path, coco_annotations(labels, number, void=self.void))

    def _raw(self, labels: np.ndarray) -> np.ndarray:
        values = np.array(self.values, np.int32)[labels]
        if max(self.values) >= _COLOR:
            return values_to_colors(values)
        return values.astype(np.uint8 if max(self.values) < 256 else np.uint16)


def further_path(target: Path, name: str) -> Path:
    """Returns the path of the file that is written in one format.

    Args:
      target: The path of the file, without the suffix that the format adds.
      name: The format: "raw", "geojson" or "coco".
    """
    return target.with_name(target.name + SUFFIXES[name])


def further_files(
    formats: tuple[str, ...], config: Config, spec: DatasetSpec
) -> FurtherFiles:
    """Returns the object that writes the predictions of a run in additional formats.

    Args:
      formats: The names of the formats to write: "raw", "geojson" or "coco".
      config: The configuration of the run.
      spec: The predicted classes.

    Raises:
      ValueError: If "raw" is asked for and the mask values of the classes are unknown,
        because the network was trained on several datasets.
    """
    classes = range(spec.num_classes)
    if "raw" in formats and config.data.mix:
        raise ValueError(
            f"write={formats} is invalid: expected no 'raw', because the network was "
            "trained on several datasets, whose mask files do not have the class "
            "numbers of the network. Leave 'raw' out."
        )
    stated: dict[int, int] = {}
    for value, label in spec.labels:
        if label != "void":
            stated.setdefault(int(label), value)
    values = tuple(stated[k] for k in classes) if stated else ()
    if "raw" in formats and not values:
        from jaxseg.data.datasets.lookup import dataset_of

        values = dataset_of(config.data).raw_values()
    return FurtherFiles(formats, spec.classes, values or tuple(classes), spec.void)


def _write(path: Path, value: Any) -> None:
    """Writes compact JSON, because polygons have many coordinates."""
    atomic.write_text(path, json.dumps(value) + "\n")


def _image_id(name: str) -> int | str:
    """Returns the number of an image of COCO, whose file name has twelve digits.

    Other names are returned unchanged, because 7.png and 007.png are different images.
    """
    return int(name) if len(name) == 12 and name.isdecimal() else name
