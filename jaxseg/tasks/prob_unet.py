"""Builds the training of the Probabilistic U-Net (arXiv 1806.05034).

In training, the network takes the image and the label. A dataset such as `raters` has
several examples NUMBER_r0, NUMBER_r1, ... of one image, each with the label of another
rater. On such a dataset, an evaluation also computes the generalized energy distance
between the sampled segmentations and the labels of the raters.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import Source
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.metrics.ged import energy_distance
from jaxseg.tasks import segmentation
from jaxseg.training.devices.placement import on_one_device

SAMPLES = 16  # samples per image; the paper uses 1, 4, 8 and 16
RATER = re.compile(r"(.+)_r\d+")

build = functools.partial(segmentation.build, inputs=("image", "label"))


def rater_groups(ids: tuple[str, ...]) -> dict[str, list[int]]:
    """Groups the examples of different raters by their image.

    Args:
      ids: The names of the examples.

    Returns:
      A dictionary from the name of an image to the indices of its examples.

    >>> rater_groups(("a_r0", "a_r1", "b"))
    {'a': [0, 1], 'b': [2]}
    """
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(ids):
        found = RATER.fullmatch(name)
        groups.setdefault(found[1] if found else name, []).append(index)
    return groups


def counted_classes(num_classes: int) -> tuple[int, ...]:
    """Returns the indices of the classes that the generalized energy distance uses.

    The distance is computed from the IoU of these classes. If there are only two
    classes, background and foreground, the result is (1,), the foreground. Otherwise it
    contains all classes.
    """
    return (1,) if num_classes == 2 else tuple(range(num_classes))


def further_scores(
    config: Config, model: nn.Module, source: Source
) -> Callable[[Any], dict[str, float]] | None:
    """Returns a function that computes the generalized energy distance.

    The function takes the variables and returns a dictionary of three means over the
    images. "ged" is the distance between the sampled segmentations of an image and the
    labels of its raters; smaller is better. "sample_diversity" is the mean distance
    between two samples, and "rater_diversity" that between two labels.

    None is returned instead of the function if no image has more than one rater.
    """
    groups = rater_groups(source.ids)
    if all(len(members) == 1 for members in groups.values()):
        return None
    sample = sampler(ImageNetwork(model, source.spec, scale=config.data.eval_scale))
    classes = counted_classes(source.spec.num_classes)
    distance = jax.jit(
        functools.partial(energy_distance, classes=classes, void=source.spec.void)
    )

    def scores(variables: Any) -> dict[str, float]:
        local = on_one_device(variables)
        found = []
        for number, members in enumerate(groups.values()):
            raters = np.stack([source.label(i) for i in members])
            drawn = sample(local, source[members[0]]["image"], number)
            found.append(jax.device_get(distance(drawn, raters)))
        mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        return {
            "ged": mean["ged"],
            "sample_diversity": mean["samples"],
            "rater_diversity": mean["raters"],
        }

    return scores


def sampler(
    network: ImageNetwork, samples: int = SAMPLES
) -> Callable[[Any, np.ndarray, int], jax.Array]:
    """Returns a function that samples segmentations of an image.

    The function takes the variables, the image and a seed, and returns label maps int32
    [samples, H, W].
    """

    @jax.jit
    def sample(variables, image, seed):
        key = jax.random.key(seed)
        logits = network.sampled_logits(variables, image[None], key, samples=samples)
        return logits[:, 0].argmax(-1)

    return sample


TRAINING = dataclasses.replace(
    segmentation.TRAINING, build=build, further_scores=further_scores
)
