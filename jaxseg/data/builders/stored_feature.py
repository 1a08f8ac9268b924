"""Defines the tensorflow_datasets feature for images and labels in prepared data.

tensorflow_datasets imports this class by its name, so that
`tfds.builder_from_directory` reads prepared data wherever jaxseg is installed.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import rasters


class StoredPixels(tfds.features.FeatureConnector):
    """Describes an image or a label that is stored as `jaxseg.data.rasters` encodes it.

    Args:
      shape: (H, W, C), with None for sides that differ between examples.
      dtype: The name of the type of the pixels.
      names: The class names of a label, or () for an image.
      doc: A description of the feature. The base class of tensorflow_datasets uses it.
    """

    def __init__(
        self,
        *,
        shape: tuple[int | None, ...],
        dtype: Any = "uint8",
        names: tuple[str, ...] = (),
        doc: Any = None,
    ) -> None:
        super().__init__(doc=doc)
        self._shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self.names = list(names)

    def get_tensor_info(self) -> tfds.features.TensorInfo:
        """Returns a `TensorInfo` with the shape and the type of the decoded pixels."""
        return tfds.features.TensorInfo(shape=self._shape, dtype=self._dtype.type)

    def get_serialized_info(self) -> tfds.features.TensorInfo:
        """Returns a `TensorInfo` with the shape and the type of the stored bytes."""
        return tfds.features.TensorInfo(shape=(), dtype=np.object_)

    def encode_example(self, example_data: IO[bytes]) -> bytes:
        """Returns the bytes of an open file, which are already encoded."""
        return example_data.read()

    def decode_example(self, tfexample_data: Any) -> Any:
        """Raises an error, because TensorFlow cannot decode tiles."""
        raise NotImplementedError(
            "TensorFlow cannot decode data that are stored in tiles. Read them with "
            "`as_data_source`, or prepare them for data.backend='tf'."
        )

    def decode_example_np(self, example_data: bytes) -> np.ndarray:
        """Decodes stored bytes, and returns the pixels [H, W, C]."""
        pixels = rasters.decode(example_data)
        return pixels if pixels.ndim == 3 else pixels[..., None]

    def to_json_content(self) -> dict[str, Any]:
        """Returns a dictionary of the constructor arguments of this feature."""
        return {
            "shape": list(self._shape),
            "dtype": self._dtype.name,
            "names": self.names,
        }
