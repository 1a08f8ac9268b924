"""Reads the stored examples of any tensorflow_datasets builder by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds

from jaxseg.data.datasets.tfds_name import PREFIX
from jaxseg.data.external.builders import full_name
from jaxseg.data.external.features import ENCODED, Roles, is_wide
from jaxseg.data.record_files import RecordFiles

RANDOM_ACCESS = ("array_record", "parquet")


class StoredExamples(Sequence):
    """Contains the stored images and masks of a split, still encoded.

    The other features of an example, such as a file name, are not read.

    Args:
      builder: The builder, whose data are prepared.
      split: A split, or a slice such as "train[90%:]".
      roles: The names of the features that contain the image and the mask.
      backend: The option `data.backend`. "grain" reads only files with random access.
        "tf" also reads other files by loading them into memory.

    Raises:
      ValueError: If the backend cannot read the files.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        split: str,
        *,
        roles: Roles,
        backend: str,
    ) -> None:
        self._roles = roles
        known = builder.info.features
        features = {name: _at(known, name) for name in (roles.image, roles.label)}
        decoders = _nested(
            {
                name: tfds.decode.SkipDecoding()
                for name, feature in features.items()
                if isinstance(feature, ENCODED)
                and not (name == roles.image and is_wide(feature))
            }
        )
        formats = {one.value for one in builder.info.available_file_formats()}
        if formats & set(RANDOM_ACCESS):
            part = tfds.features.FeaturesDict(_nested(features))
            self._records = RecordFiles(
                builder, split, features=part, decoders=decoders
            )
            return
        if backend != "tf":
            raise ValueError(
                f"data.backend={backend!r} is invalid: expected 'tf' for "
                f"{PREFIX}{full_name(builder)}, because {builder.data_dir} contains "
                f"{' and '.join(sorted(formats))} files, which have no random access. "
                "Install jaxseg[tf] and pass --data.backend tf. Or convert the dataset "
                "to array_record with tfds convert_format."
            )
        from jaxseg.data import tf_backend  # Its error names the extra to install.

        wanted = _nested(dict.fromkeys(features, True))
        decoding = tfds.decode.PartialDecoding(wanted, decoders=decoders)
        self._records = tf_backend.read_records(builder, split, decoders=decoding)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns {"image": bytes or array, "label": bytes or array, "id": bytes}."""
        example = self._records[index]
        return {
            "image": _at(example, self._roles.image),
            "label": _at(example, self._roles.label),
            "id": f"{index:06d}".encode(),
        }


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Returns nested dictionaries for names with slashes."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *folders, last = name.split("/")
        inner = tree
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = value
    return tree


def _at(tree: Any, name: str) -> Any:
    """Returns the entry of nested dictionaries for a name with slashes."""
    for part in name.split("/"):
        tree = tree[part]
    return tree
