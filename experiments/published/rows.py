"""Describes published weights of one library, with the network that has their keys."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from jaxseg.weights.published.entry import Entry


def state_dict(net: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    """Returns the tensors of a network by name, as most libraries write them."""
    return net.state_dict()


@dataclasses.dataclass(frozen=True)
class Published:
    """Holds an entry whose network of jaxseg may not be known yet, and its peer.

    Attributes:
      entry: The entry. If neither `network` nor `backbone` is set, the network is
        recognized from the keys of the peer.
      build: Returns the network of the library, with any weights.
      state: Returns the tensors of that network with the names in a file.
      rename: Maps the name of a tensor in `state` to that in the published file.
      config: The text of the configuration that MMSegmentation stores in the file.
      model: A description of the network of the library, or "". Rows with the same
        description have the same tensors, except for the number of classes, and one of
        them is checked.
    """

    entry: Entry
    build: Callable[[], torch.nn.Module]
    state: Callable[[torch.nn.Module], Mapping[str, torch.Tensor]] = state_dict
    rename: Callable[[str], str] = str
    config: str = ""
    model: str = ""

    def tree(self) -> dict[str, Any]:
        """Returns a checkpoint with the keys and shapes of the file, full of zeros."""
        state = {
            self.rename(key): np.broadcast_to(_zero(value.dtype), tuple(value.shape))
            for key, value in self.state(_built(self.build)).items()
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
