"""Reads the point clouds of a split by index and keeps them in memory."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data.datasets.lookup import require_kind
from jaxseg.data.prepare import builder_config, data_folder, prepare
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.splits import check_split
from jaxseg.data.stored import DamagedData, Records


class Clouds:
    """Contains the point clouds of a split, which are accessed by index.

    Attributes:
      spec: The classes of the dataset.
      split: The name of the split, for error messages.
      folder: The folder of the prepared data, or None.
      workers: The number of threads that read the clouds.
      ids: The names of the clouds.
      counts: The number of points of each cloud.
    """

    def __init__(
        self,
        examples: Sequence[dict[str, Any]],
        spec: DatasetSpec,
        *,
        split: str = "",
        folder: pathlib.Path | None = None,
        workers: int = 2,
    ):
        self._examples = [_read_only(example) for example in examples]
        self.spec = spec
        self.split = split
        self.folder = folder
        self.workers = workers
        self.ids = tuple(example["id"] for example in self._examples)
        self.counts = tuple(len(example["label"]) for example in self._examples)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns one cloud.

        Args:
          index: The index of the cloud.

        Returns:
          A dictionary of "points" float32 [N, 3] in meters, "color" uint8 [N, 3],
          "label" uint8 [N] and "id", a string.

        Raises:
          IndexError: If the index is out of range.
        """
        if not 0 <= index < len(self):
            raise IndexError(
                f"index={index} is invalid: expected 0 to {len(self) - 1}."
            )
        return dict(self._examples[index])

    def label(self, index: int) -> np.ndarray:
        """Returns the labels of the N points of a cloud, uint8 [N]."""
        return self._examples[index]["label"]


def open_clouds(
    config: DataConfig, split: str, *, trained: DatasetSpec | None = None
) -> Clouds:
    """Opens the clouds of a split, and prepares the dataset on first use.

    Args:
      config: The dataset.
      split: A split, or a slice such as "train[90%:]".
      trained: Is ignored, because point clouds are not normalized by statistics.

    Returns:
      A `Clouds` object, which reads clouds by index.

    Raises:
      ValueError: If the dataset contains images, an option does not apply to clouds, or
        the split is unknown or empty.
    """
    del trained
    check_options(config)
    builder = prepare(builder_config(config), data_folder(config))
    check_split(builder, split)
    folder = pathlib.Path(builder.data_dir)
    try:
        records = builder.as_data_source(split)
    except (OSError, RuntimeError, ValueError) as error:
        raise DamagedData(folder, error) from error
    return Clouds(
        Records(records, folder),
        builder.spec(),
        split=split,
        folder=folder,
        workers=config.workers,
    )


def check_options(config: DataConfig) -> None:
    """Raises ValueError for a data option that does not apply to point clouds."""
    require_kind(config, "clouds")
    only = {
        "backend": "grain",
        "oversample_classes": (),
        "elastic": 0.0,
        "augment": (),
        "albumentations": None,
        "eval_scale": 1.0,
    }
    for name, allowed in only.items():
        value = getattr(config, name)
        if value != allowed:
            raise ValueError(
                f"data.{name}={value!r} is invalid: expected {allowed!r} for point "
                "clouds."
            )


def _read_only(example: dict[str, Any]) -> dict[str, Any]:
    arrays = {name: np.array(example[name]) for name in ("points", "color", "label")}
    for array in arrays.values():
        array.setflags(write=False)
    name = example["id"]
    return arrays | {"id": name.decode() if isinstance(name, bytes) else name}
