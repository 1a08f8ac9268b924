"""Compares the logits of an imported network with those of its original library."""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.original import Unavailable, build_original


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
      network: The network of the checkpoint, one of `source.networks`.
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
    try:
        original = build_original(
            source,
            network,
            state_dict,
            num_classes=num_classes,
            options=options,
            channels=channels,
        )
    except Unavailable as error:
        raise ValueError(
            f"--verify cannot compare, because {error}. Install a version that can be "
            "imported, or leave --verify out."
            if "cannot be imported" in str(error)
            else f"--verify cannot compare: {error}. Leave --verify out."
        ) from error
    size = dict(network.options).get("image_size") or original.peer.size
    image = (
        np.random.default_rng(0).normal(size=(1, *size, channels)).astype(np.float32)
    )
    want = original.logits(image)
    with jax.default_matmul_precision("highest"):
        got = np.asarray(apply(image))
    return float(np.abs(got - want).max() / np.abs(want).max())
