"""Applies a network that assigns a class to each point of a point cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

INPUTS = ("points", "feature", "mask")  # entries of a batch, as the network takes them
Batch = Mapping[str, jax.Array]


def classifier(model: nn.Module, variables: Any) -> Callable[[Batch], np.ndarray]:
    """Returns a function that maps point clouds to class probabilities.

    The function takes a batch of B clouds with N points each and returns float32
    [B, N, K] for K classes.
    """

    @jax.jit
    def probabilities(variables, inputs):
        return jax.nn.softmax(model.apply(variables, *inputs, train=False)["logits"])

    return lambda batch: np.asarray(
        probabilities(variables, [batch[name] for name in INPUTS])
    )
