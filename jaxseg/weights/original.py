"""Builds the network of a checkpoint in the library that the weights come from.

This is the only module of `jaxseg.weights` that imports torch. It does so only if the
user requests a comparison with the original network.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxseg.text import printable
from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork


class Unavailable(ValueError):
    """Is raised if the original network cannot be built; the message says why."""


@dataclasses.dataclass(frozen=True)
class Original:
    """Contains the network of a checkpoint in the library that the weights come from.

    Attributes:
      net: The torch module, in evaluation mode and with the weights of the checkpoint.
      peer: The functions with which the library builds and runs the network.
    """

    net: Any
    peer: Peer

    def tensor(self, image: np.ndarray) -> Any:
        """Converts images float32 [B, H, W, C] to a torch tensor [B, C, H, W]."""
        torch = importlib.import_module("torch")
        return torch.from_numpy(image.transpose(0, 3, 1, 2).copy())

    def run(self, tensor: Any) -> Any:
        """Returns the logits of the network as a torch tensor [B, K, H, W].

        Args:
          tensor: Normalized images, a torch tensor [B, C, H, W].
        """
        with importlib.import_module("torch").no_grad():
            result = self.peer.forward(self.net, tensor)
        return result["out"] if isinstance(result, Mapping) else result

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Returns the logits of the network, float32 [B, H, W, K].

        Args:
          image: Normalized images, float32 [B, H, W, C].
        """
        return self.run(self.tensor(image)).numpy().transpose(0, 2, 3, 1)


def build_original(
    source: Source,
    network: SourceNetwork,
    state_dict: Mapping[str, np.ndarray],
    *,
    num_classes: int,
    options: Mapping[str, object],
    channels: int = 3,
) -> Original:
    """Builds the network of a checkpoint with the library that the weights come from.

    Nothing is downloaded, and nothing in the checkpoint is executed.

    Args:
      source: The kind of the checkpoint, an entry of `SOURCES`.
      network: The network of the checkpoint, one of `source.networks`.
      state_dict: The weights of the source.
      num_classes: The number of classes.
      options: The options of the network of jaxseg.
      channels: The number of image channels.

    Raises:
      Unavailable: If the library is not installed, has no such network, or its network
        has other tensors than the source.
    """
    peer = source.peer
    if peer is None or not network.factory:
        known = ", ".join(sorted({row.title for row in source.networks if row.factory}))
        raise Unavailable(
            f"{source.library} cannot build {source.name} as {network.title}: "
            f"expected {f'one of {known}' if known else 'a network'} that the library "
            "can build"
        )
    torch = _library("torch")
    _library(peer.library)
    net = peer.build(
        network, options, set(state_dict), num_classes=num_classes, channels=channels
    )
    tensors = {key: torch.from_numpy(np.array(v)) for key, v in state_dict.items()}
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise Unavailable(
            f"{type(net).__name__} of the installed library does not accept these "
            f"weights ({first}...)"
        ) from error
    net.eval()
    return Original(net, peer)


def _library(name: str) -> Any:
    with importing(name.partition(".")[0]):
        return importlib.import_module(name)


@contextlib.contextmanager
def importing(name: str) -> Iterator[None]:
    """Returns a context manager that explains in one line why an import fails.

    The statements in the context import a library. If the version of the library is
    incompatible, the error can be another one than ImportError, for example an
    AssertionError in mmseg and a RuntimeError in torchvision.

    Args:
      name: The name of the library.

    Raises:
      Unavailable: If the statements in the context fail to import it.
    """
    try:
        yield
    except (ImportError, AssertionError, RuntimeError, AttributeError) as error:
        why = printable((str(error).strip().splitlines() or [type(error).__name__])[0])
        raise Unavailable(
            f"{name} cannot be imported: {why.removesuffix('.')}"
        ) from error
