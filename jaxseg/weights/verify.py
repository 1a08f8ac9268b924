"""The library's own network beside the imported one: the largest difference.

Only this file runs torch, and only when asked to.
"""

import importlib
from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxseg.weights.sources import Source

SIZE = (96, 129)


def difference(
    source: Source,
    name: str,
    state_dict: Mapping[str, np.ndarray],
    apply: Callable[[jax.Array], jax.Array],
    *,
    num_classes: int,
    size: tuple[int, int] = SIZE,
) -> float:
    """Largest difference of the logits relative to the largest logit.

    Args:
        source: the row of ``SOURCES``; its ``networks`` name the library's factories.
        name: of the network here.
        state_dict: the source's weights.
        apply: image [1, H, W, 3] -> logits [1, H, W, num_classes].

    Raises:
        ValueError: the library is not installed, or has no such network.
    """
    factory = source.network(name).factory
    if not factory:
        known = [network.name for network in source.networks if network.factory]
        raise ValueError(f"{source.name} as {name!r} has no peer; allowed: {known}")
    torch, net = _build(factory, state_dict, num_classes)
    image = np.random.default_rng(0).normal(size=(1, *size, 3)).astype(np.float32)
    with torch.no_grad():
        want = net(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    want = want["out"] if isinstance(want, Mapping) else want
    want = want.numpy().transpose(0, 2, 3, 1)
    with jax.default_matmul_precision("highest"):
        got = np.asarray(apply(image))
    return float(np.abs(got - want).max() / np.abs(want).max())


def _build(factory: str, state_dict, num_classes: int):
    module, _, function = factory.rpartition(".")
    try:
        torch = importlib.import_module("torch")
        make = getattr(importlib.import_module(module), function)
    except (ImportError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{factory} cannot be imported to compare: {error}") from error
    options = {"num_classes": num_classes}
    if module.startswith("torchvision"):
        auxiliary = any(key.startswith("aux_classifier.") for key in state_dict)
        options |= {"weights": None, "weights_backbone": None}
        options |= {} if "lraspp" in function else {"aux_loss": auxiliary}
    net = make(**options)
    tensors = {key: torch.from_numpy(np.array(v)) for key, v in state_dict.items()}
    net.load_state_dict(tensors)
    return torch, net.eval()
