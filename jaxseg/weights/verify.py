"""Compares the logits of an imported network with those of its own library.

Only this file runs torch, and only on request.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator, Mapping

import jax
import numpy as np

from jaxseg.text import printable
from jaxseg.weights.catalog import peer_mmseg
from jaxseg.weights.catalog.sources import Network, Source

_SIZES = {"torchvision": (96, 129)}  # The other libraries need multiples of 32.


def difference(
    source: Source,
    network: Network,
    state_dict: Mapping[str, np.ndarray],
    apply: Callable[[jax.Array], jax.Array],
    *,
    num_classes: int,
    options: Mapping[str, object],
    channels: int = 3,
) -> float:
    """Returns the largest difference of the logits, relative to the largest logit.

    Args:
      source: The row of `SOURCES`.
      network: The row of its `networks`, which names the function of the library.
      state_dict: The weights of the source.
      apply: Maps an image [1, H, W, channels] to logits [1, H, W, num_classes].
      num_classes: The number of classes.
      options: The options of the network of this library.
      channels: The number of image channels.

    Raises:
      ValueError: If the library is not installed, has no such network, or its network
        has other tensors than the source.
    """
    if not network.factory:
        known = ", ".join(sorted({row.name for row in source.networks if row.factory}))
        raise ValueError(
            f"--verify cannot compare {source.library} {source.name} as "
            f"{network.name}: expected {f'one of {known}' if known else 'a network'} "
            "that the library builds."
        )
    torch = _library("torch")
    net = _build(network, options, state_dict, num_classes, channels)
    tensors = {key: torch.from_numpy(np.array(v)) for key, v in state_dict.items()}
    _load(net, tensors)
    net.eval()
    size = dict(network.options).get("image_size") or _size(network)
    image = (
        np.random.default_rng(0).normal(size=(1, *size, channels)).astype(np.float32)
    )
    with torch.no_grad():
        forward = peer_mmseg.logits if _is_mmseg(network) else type(net).__call__
        want = forward(net, torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
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


def _is_mmseg(network: Network) -> bool:
    return network.factory.startswith(peer_mmseg.PREFIX)


def _size(network: Network) -> tuple[int, int]:
    return _SIZES.get(network.factory.partition(".")[0], (96, 128))


def _library(name: str):
    with _importing(name):
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


def _build(network: Network, options, state_dict, num_classes: int, channels: int = 3):
    """Builds the library's network with weights of its own."""
    if _is_mmseg(network):
        with _importing("mmseg"):
            importlib.import_module("mmseg.models")
        name = network.factory.removeprefix(peer_mmseg.PREFIX)
        fields = {**dict(network.peer), "backbone.in_channels": channels}
        return peer_mmseg.build(name, fields, options, num_classes)
    module, _, function = network.factory.rpartition(".")
    make = getattr(_library(module), function)
    arguments = _options(network, state_dict, num_classes)
    if not network.factory.startswith("torchvision"):
        arguments |= {"in_channels": channels, **_smp_arguments(network, options)}
    return make(**arguments)


def _smp_arguments(network: Network, options) -> dict[str, object]:
    """Returns the arguments of segmentation_models.pytorch for stated options."""
    names = {"output_stride": "encoder_output_stride", "rates": "decoder_atrous_rates"}
    unseen = dict(network.unseen)
    return {names[k]: v for k, v in options.items() if k in names and k in unseen}


def _options(network: Network, state_dict, num_classes: int) -> dict[str, object]:
    """Returns the arguments of the library's function. Nothing is downloaded."""
    if not network.factory.startswith("torchvision"):
        return {"encoder_weights": None, "classes": num_classes, **dict(network.peer)}
    options = {"num_classes": num_classes, "weights": None, "weights_backbone": None}
    if "lraspp" in network.factory:
        return options
    auxiliary = any(key.startswith("aux_classifier.") for key in state_dict)
    return {**options, "aux_loss": auxiliary}
