"""Implements `jaxseg predict --samples N`, which samples N segmentations of an image.

The option requires a network with a latent variable, such as the Probabilistic U-Net
(arXiv 1806.05034). For each image it writes NAME_sample00.png, NAME_sample01.png and so
on as indexed PNG files. The pixels of NAME_entropy.png show the entropy of the class
probabilities averaged over the samples: black is 0 and white is log K for K classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference import entropy
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.viz import indexed_png, save_image


class Drawn(NamedTuple):
    """Contains N sampled segmentations of each of B images.

    The attributes are the labels [N, B, H, W] of the samples, and the entropy
    [B, H, W] in nats of the class probabilities averaged over the samples.
    """

    labels: np.ndarray
    entropy: np.ndarray


def check_request(config: Config, *, samples: int, mode: str) -> None:
    """Raises ValueError if the run does not segment images or cannot draw samples."""
    if config.model.options.get("direction") == "labels_to_photo":
        raise ValueError(
            "workdir is invalid: expected a run that segments images, but this one "
            "generates photos from label maps. Use a run with direction "
            "'photo_to_labels'."
        )
    if samples < 0:
        raise ValueError(f"--samples {samples} is invalid: expected a number >= 0.")
    if samples and mode != "whole":
        raise ValueError(
            f"--samples {samples} is invalid with --mode {mode}: expected --mode whole."
        )


def sample_drawer(
    network: ImageNetwork, variables: Any, *, samples: int, seed: int
) -> Callable[[np.ndarray], Drawn]:
    """Returns a function that samples several segmentations of each image in a batch.

    The function takes images uint8 [B, H, W, 3] and returns a `Drawn`, which contains
    the sampled label maps and their entropy.

    The random seed is fixed, so the samples of an image are reproducible.

    Raises:
      ValueError: If the network has no latent variable.
    """
    model = network.model
    if not hasattr(model, "encode") or not hasattr(model, "combine"):
        raise ValueError(
            f"--samples {samples} is invalid: expected 0, because "
            f"{type(model).__name__} has no latent variable. Use a network such as "
            "prob_unet."
        )
    placed = jax.device_put(variables)

    @jax.jit
    def draw(variables, pixels):
        key = jax.random.key(seed)
        logits = network.sampled_logits(variables, pixels, key, samples=samples)
        return Drawn(logits.argmax(-1), entropy(jax.nn.softmax(logits).mean(0)))

    return lambda pixels: jax.device_get(draw(placed, pixels))


def sample_paths(target: Path, samples: int) -> list[Path]:
    """Returns a list of the paths of the files that `write_samples` writes.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
      samples: The number of samples. If it is 0, the list is empty.
    """
    if not samples:
        return []
    names = [f"{target.name}_sample{k:02d}.png" for k in range(samples)]
    return [target.with_name(name) for name in [*names, f"{target.name}_entropy.png"]]


def write_samples(
    target: Path, labels: np.ndarray, spread: np.ndarray, spec: DatasetSpec
) -> None:
    """Writes the samples and the entropy of one image to PNG files.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
      labels: The label maps of the samples, integers [N, H, W].
      spread: The entropy in nats of the averaged class probabilities, [H, W].
      spec: The classes and their colors.
    """
    *names, last = sample_paths(target, len(labels))
    for path, label in zip(names, labels, strict=True):
        save_image(path, indexed_png(label, spec.palette, void=spec.void))
    share = np.clip(spread / math.log(max(spec.num_classes, 2)), 0, 1)
    save_image(last, np.rint(255 * share).astype(np.uint8))
