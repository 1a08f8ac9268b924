"""Trains and evaluates networks whose classes can overlap."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.label_bits import unpack
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.metrics.overlapping import states
from jaxseg.training.step import steps


def unpacking(prepare: Callable, spec: DatasetSpec) -> Callable:
    """Returns a function that prepares batches and then unpacks the bits of the labels.

    In the prepared batches, "label" is uint8 [B, H, W, K], 1 where class k is
    present, and "valid" is bool [B, H, W], False at void pixels.

    Args:
      prepare: The function that augments and normalizes a batch.
      spec: The classes. If they exclude each other, the result is `prepare` itself.
    """
    if not spec.multilabel:
        return prepare

    def prepared(batch):
        batch = prepare(batch)
        label, valid = unpack(batch["label"], spec.num_classes, spec.void)
        return {**batch, "label": label, "valid": valid}

    return prepared


def make_eval_step(
    config: Config, model: nn.Module, spec: DatasetSpec
) -> functools.partial:
    """Returns the evaluation step, which computes a 2 x 2 confusion matrix per class.

    The step takes the variables and a batch. The matrix of a class counts pixels by
    whether the class is labeled and whether it is predicted.
    `jaxseg.metrics.overlapping` describes how these matrices are combined into one.
    """
    network = ImageNetwork(model, spec, scale=config.data.eval_scale)

    def predict(variables, batch):
        return states(network.labels(variables, batch["image"]))

    return functools.partial(_eval_step, predict=predict, spec=spec)


def _eval_step(variables, batch, *, predict, spec, axis_name=None, keep=False):
    present, valid = unpack(batch["label"], spec.num_classes, spec.void)
    label = jnp.where(valid[..., None], states(present), spec.void)
    return steps.eval_step(
        variables,
        {**batch, "label": label},
        predict=predict,
        num_classes=2 * spec.num_classes,
        void=spec.void,
        axis_name=axis_name,
        keep=keep,
    )
