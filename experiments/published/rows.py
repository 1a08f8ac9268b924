"""Describes published weights of one library, with the network that has their keys."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from jaxseg.weights.published.entry import Entry


@dataclasses.dataclass(frozen=True)
class Published:
    """Holds an entry whose network of jaxseg may not be known yet, and its peer.

    Attributes:
      entry: The entry. If neither `network` nor `backbone` is set, the network is
        recognized from the keys of the peer.
      build: Returns the network of the library, with any weights.
      rename: Maps a key of that network to the key in the published file.
      config: The text of the configuration that MMSegmentation stores in the file.
      model: A description of the network of the library, or "". Rows with the same
        description have the same tensors, and one of them is checked.
    """

    entry: Entry
    build: Callable[[], torch.nn.Module]
    rename: Callable[[str], str] = str
    config: str = ""
    model: str = ""

    def tree(self) -> dict[str, Any]:
        """Returns a checkpoint with the keys and shapes of the file, full of zeros."""
        state = {
            self.rename(key): np.broadcast_to(_zero(value.dtype), tuple(value.shape))
            for key, value in _built(self.build).state_dict().items()
        }
        return {"state_dict": state, "meta": {"cfg": self.config}}


def _zero(dtype: torch.dtype) -> Any:
    return np.float32(0) if dtype.is_floating_point else np.int64(0)


def _built(build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """Builds a network without memory for its weights, where the library allows it."""
    try:
        with torch.device("meta"):
            return build()
    except (NotImplementedError, RuntimeError, TypeError):
        return build()
