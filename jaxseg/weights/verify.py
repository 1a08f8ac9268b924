"""The library's own network beside the imported one: the largest difference.

Only this file runs torch, and only when asked to.
"""

import importlib
from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxseg.weights.sources import Network, Source

_SIZES = {"torchvision": (96, 129)}  # the others want multiples of 32


def difference(
    source: Source,
    network: Network,
    state_dict: Mapping[str, np.ndarray],
    apply: Callable[[jax.Array], jax.Array],
    *,
    num_classes: int,
) -> float:
    """Largest difference of the logits relative to the largest logit.

    Args:
        source: the row of ``SOURCES``.
        network: the row of its ``networks``, which names the library's factory.
        state_dict: the source's weights.
        apply: image [1, H, W, 3] -> logits [1, H, W, num_classes].

    Raises:
        ValueError: the library is not installed, or has no such network.
    """
    if not network.factory:
        known = sorted({row.name for row in source.networks if row.factory})
        raise ValueError(
            f"{source.name} as {network.name!r} has no peer; allowed: {known}"
        )
    torch, net = _build(network, state_dict, num_classes)
    size = _SIZES.get(network.factory.partition(".")[0], (96, 128))
    image = np.random.default_rng(0).normal(size=(1, *size, 3)).astype(np.float32)
    with torch.no_grad():
        want = net(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    want = want["out"] if isinstance(want, Mapping) else want
    want = want.numpy().transpose(0, 2, 3, 1)
    with jax.default_matmul_precision("highest"):
        got = np.asarray(apply(image))
    return float(np.abs(got - want).max() / np.abs(want).max())


def _build(network: Network, state_dict, num_classes: int):
    module, _, function = network.factory.rpartition(".")
    try:
        torch = importlib.import_module("torch")
        make = getattr(importlib.import_module(module), function)
    except (ImportError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"{network.factory} cannot be imported to compare: {error}"
        ) from error
    net = make(**_options(network, state_dict, num_classes))
    tensors = {key: torch.from_numpy(np.array(v)) for key, v in state_dict.items()}
    net.load_state_dict(tensors)
    return torch, net.eval()


def _options(network: Network, state_dict, num_classes: int) -> dict[str, object]:
    """What the library's function is called with; nothing is downloaded."""
    if not network.factory.startswith("torchvision"):
        return {"encoder_weights": None, "classes": num_classes, **dict(network.peer)}
    options = {"num_classes": num_classes, "weights": None, "weights_backbone": None}
    if "lraspp" in network.factory:
        return options
    auxiliary = any(key.startswith("aux_classifier.") for key in state_dict)
    return {**options, "aux_loss": auxiliary}
