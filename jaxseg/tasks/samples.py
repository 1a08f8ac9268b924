"""`jaxseg predict --samples N`: several segmentations of an image, and their spread.

For networks with a latent, such as the Probabilistic U-Net (arXiv 1806.05034). Writes
NAME_sample00.png, ... as indexed PNG, and NAME_entropy.png: entropy of the average
probability per pixel, black 0, white log K.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference._mc_dropout import entropy
from jaxseg.inference.prior_samples import hypotheses
from jaxseg.ops.preprocess import preprocess
from jaxseg.viz import indexed_png, save_image


class Drawn(NamedTuple):
    """Hypotheses of a batch: labels [N, B, H, W], entropy [B, H, W] in nats."""

    labels: np.ndarray
    entropy: np.ndarray


def check_request(config: Config, *, samples: int, mode: str) -> None:
    """Raises ValueError for a run that does not segment images, or draw them so."""
    if config.model.options.get("direction") == "labels_to_photo":
        raise ValueError(
            "this run makes photos of label maps; images are segmented by networks of "
            "direction 'photo_to_labels'"
        )
    if samples < 0 or (samples and (config.data.eval_scale != 1 or mode != "whole")):
        raise ValueError(
            f"samples is {samples} with eval_scale {config.data.eval_scale} and mode "
            f"{mode!r}; allowed are 0 or more, and then 1.0 and 'whole'"
        )


def hypothesis_drawer(
    model: nn.Module, variables: Any, spec: DatasetSpec, *, samples: int, seed: int
) -> Callable[[np.ndarray], Drawn]:
    """Maps uint8 [B, H, W, 3] to `samples` hypotheses each; a seed, always the same.

    Raises: ValueError for a network without a latent.
    """
    if not hasattr(model, "encode") or not hasattr(model, "combine"):
        raise ValueError(
            f"samples is {samples}, but {type(model).__name__} has no latent to draw; "
            "allowed are 0, or a network such as prob_unet"
        )
    placed = jax.device_put(variables)

    @jax.jit
    def draw(variables, pixels):
        image = preprocess(pixels, spec)
        key = jax.random.key(seed)
        logits = hypotheses(model.apply, variables, image, key, samples=samples)
        return Drawn(logits.argmax(-1), entropy(jax.nn.softmax(logits).mean(0)))

    return lambda pixels: jax.device_get(draw(placed, pixels))


def sample_paths(target: Path, samples: int) -> list[Path]:
    """The files written for one image."""
    if not samples:
        return []
    names = [f"{target.name}_sample{k:02d}.png" for k in range(samples)]
    return [target.with_name(name) for name in [*names, f"{target.name}_entropy.png"]]


def write_samples(
    target: Path, labels: np.ndarray, spread: np.ndarray, spec: DatasetSpec
) -> None:
    """Writes hypotheses [N, H, W] and the map of entropy [H, W] of one image."""
    *names, last = sample_paths(target, len(labels))
    for path, label in zip(names, labels, strict=True):
        save_image(path, indexed_png(label, spec.palette, void=spec.void))
    share = np.clip(spread / math.log(max(spec.num_classes, 2)), 0, 1)
    save_image(last, np.rint(255 * share).astype(np.uint8))
