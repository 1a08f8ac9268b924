"""Compares the logits of an imported network with the logits of its original library.

This is the only module of `jaxseg.weights` that runs torch, and it does so only if the
user requests the comparison.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping

import jax
import numpy as np

from jaxseg.text import printable
from jaxseg.weights.catalog.sources import Source, SourceNetwork


def difference(
    source: Source,
    network: SourceNetwork,
    state_dict: Mapping[str, np.ndarray],
    apply: Callable[[jax.Array], jax.Array],
    *,
    num_classes: int,
    options: Mapping[str, object],
    channels: int = 3,
) -> float:
    """Compares a network of another library with its conversion to jaxseg.

    Both networks segment the same image. The result is the largest absolute difference
    of their logits, divided by the largest absolute logit.

    Args:
      source: The kind of the checkpoint, an entry of `SOURCES`.
      network: One of its networks, which names the library's function that builds it.
      state_dict: The weights of the source.
      apply: A function from an image [1, H, W, channels] to logits [1, H, W,
        num_classes].
      num_classes: The number of classes.
      options: The options of the network of jaxseg.
      channels: The number of image channels.

    Raises:
      ValueError: If the library is not installed, has no such network, or its network
        has other tensors than the source.
    """
    peer = source.peer
    if peer is None or not network.factory:
        known = ", ".join(sorted({row.name for row in source.networks if row.factory}))
        raise ValueError(
            f"--verify cannot compare {source.library} {source.name} as "
            f"{network.name}: expected {f'one of {known}' if known else 'a network'} "
            "that the library builds."
        )
    torch = _library("torch")
    _library(peer.library)
    net = peer.build(
        network,
        options,
        set(state_dict),
        num_classes=num_classes,
        channels=channels,
    )
    tensors = {key: torch.from_numpy(np.array(v)) for key, v in state_dict.items()}
    _load(net, tensors)
    net.eval()
    size = dict(network.options).get("image_size") or peer.size
    image = (
        np.random.default_rng(0).normal(size=(1, *size, channels)).astype(np.float32)
    )
    with torch.no_grad():
        want = peer.forward(net, torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    want = want["out"] if isinstance(want, Mapping) else want
    want = want.numpy().transpose(0, 2, 3, 1)
    with jax.default_matmul_precision("highest"):
        got = np.asarray(apply(image))
    return float(np.abs(got - want).max() / np.abs(want).max())


def _load(net, tensors: Mapping) -> None:
    """Loads the weights into the library's network, with a one-line error."""
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise ValueError(
            f"--verify cannot compare, because {type(net).__name__} of the installed "
            f"library does not accept these weights ({first}...)."
        ) from error


def _library(name: str):
    with _importing(name.partition(".")[0]):
        return importlib.import_module(name)


@contextlib.contextmanager
def _importing(name: str) -> Iterator[None]:
    """Explains in one line why a library cannot be imported.

    An incompatible version raises other errors than ImportError, for example an
    AssertionError in mmseg and a RuntimeError in torchvision.
    """
    try:
        yield
    except (ImportError, AssertionError, RuntimeError, AttributeError) as error:
        why = printable((str(error).strip().splitlines() or [type(error).__name__])[0])
        raise ValueError(
            f"--verify cannot compare, because {name} cannot be imported: "
            f"{why.removesuffix('.')}. Install a version that can be imported, or "
            "leave --verify out."
        ) from error
