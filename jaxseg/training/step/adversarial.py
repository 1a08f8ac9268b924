"""Implements a training step of a generator and a discriminator (arXiv 1611.07004).

One pure function updates both networks. It has the signature of
`jaxseg.training.step.steps.train_step` and runs under jit or pmap. As in the authors'
PyTorch code, the generated pictures are computed once. The discriminator is updated
first, and the new discriminator then judges these pictures for the update of the
generator. Pixels without a target are set to -1 in true and generated pictures, so that
neither network learns from them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxseg.losses import total_loss
from jaxseg.losses.reduction import total
from jaxseg.training.step import update
from jaxseg.training.step.options import DEFAULTS, StepOptions
from jaxseg.training.step.state import TrainState, with_stats

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


class Players(NamedTuple):
    """Contains the optimizers of the generator and the discriminator of a GAN.

    The optimizer state is a dictionary with one entry for each network.

    Attributes:
      generator: The optimizer of the generator, an optax transformation.
      discriminator: The optimizer of the discriminator.
    """

    generator: optax.GradientTransformation
    discriminator: optax.GradientTransformation

    def init(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a dictionary from network name to the initial state of its optimizer.

        Args:
          params: The parameters of each network, by the name of the network.
        """
        return {
            name: getattr(self, name).init({name: params[name]})
            for name in self._fields
        }

    def update_player(self, name: str, gradient: Any, opt_state: Any, params: Any):
        """Updates the parameters of one network.

        Args:
          name: The name of the network.
          gradient: The gradient with respect to the parameters of this network.
          opt_state: The optimizer states by network name.
          params: The parameters by network name.

        Returns:
          Two dictionaries by network name: all parameters, and all optimizer states.
        """
        mine = {name: params[name]}
        updates, new = getattr(self, name).update(
            {name: gradient}, opt_state[name], mine
        )
        moved = optax.apply_updates(mine, updates)
        return {**params, **moved}, {**opt_state, name: new}


def train_step(
    state: TrainState,
    batch: Mapping[str, jax.Array],
    *,
    model: nn.Module,
    tx: Players,
    loss_fn: Any,
    options: StepOptions = DEFAULTS,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Updates the discriminator and the generator of a GAN in one training step.

    Args:
      state: The state before the step.
      batch: The batch. `options.prepare` must return "image" (the condition), "label",
        and "target" and "known" (see `jaxseg.tasks.pix2pix_batch`).
      model: The network with the parameters {"generator", "discriminator"}. Its call
        returns logits whose tanh is the picture. Its method `judge` returns the logits
        of the discriminator.
      tx: The optimizers of both networks, a `Players`.
      loss_fn: The objectives, see `jaxseg.losses.adversarial.Objectives`.
      options: The options of the step, such as `prepare`. Gradient accumulation and
        rematerialization are not supported.
      axis_name: The axis of pmap, or None.

    Returns:
      The new state, and a dictionary of scalars: `loss` of the generator, `loss/<name>`
        for each term of both networks, `grad_norm` of the generator, `learning_rate`,
        and the pixel counts `labeled` and `correct` if the generator makes label maps.
    """
    check_options(options.grad_accum_steps, options.remat)
    update.check_ema(state, options.ema)
    batch = options.prepared(batch, state.step)
    key = update.dropout_key(state, axis_name)

    how = (model, loss_fn, axis_name)
    generate = functools.partial(_generate, model, state, batch, key)
    picture, vjp_fn, (stats, logits) = jax.vjp(
        generate, state.params[GENERATOR], has_aux=True
    )
    params, opt_state, parts = state.params, state.opt_state, {}
    if loss_fn.adversarial:
        gradient, parts, stats = _discriminate(params, stats, picture, batch, *how)
        params, opt_state = tx.update_player(DISCRIMINATOR, gradient, opt_state, params)

    loss, more, cotangent = _judge_generator(params, stats, picture, batch, *how)
    (gradient,) = vjp_fn(cotangent)
    loss, parts, gradient = total((loss, parts | more, gradient), axis_name)
    params, opt_state = tx.update_player(GENERATOR, gradient, opt_state, params)
    metrics = update.loss_metrics(loss, parts)
    metrics |= {"grad_norm": optax.tree.norm(gradient)}
    metrics |= options.learning_rate(state.step)
    metrics |= _counts(logits, batch=batch, void=options.void, axis_name=axis_name)
    return state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=update.mean_over_devices(stats, axis_name),
        opt_state=opt_state,
        ema=update.update_ema(state, params, options.ema),
    ), metrics


def check_options(grad_accum_steps: int, remat: str) -> None:
    """Raises ValueError for options that adversarial training does not support.

    These are gradient accumulation and rematerialization.
    """
    if grad_accum_steps != 1 or remat != "none":
        raise ValueError(
            f"train.grad_accum_steps={grad_accum_steps} with train.remat={remat!r} is "
            "invalid: expected grad_accum_steps=1 and remat='none', which the "
            "adversarial step requires."
        )


def _generate(model, state, batch, key, params):
    """Returns pictures, new statistics and logits of the generator."""
    variables = with_stats({**state.params, GENERATOR: params}, state.batch_stats)
    outputs, updated = model.apply(
        variables,
        batch["image"],
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": key},
    )
    picture = _given(jnp.tanh(outputs["logits"]), batch)
    return picture, (updated.get("batch_stats", {}), outputs["logits"])


def _discriminate(params, stats, picture, batch, model, loss_fn, axis_name):
    """Returns the gradient of the discriminator, its terms and statistics."""
    picture = jax.lax.stop_gradient(picture)

    def discriminator_loss(mine):
        variables = {**params, DISCRIMINATOR: mine}
        real, seen = _judge(
            model,
            variables=with_stats(variables, stats),
            batch=batch,
            picture=batch["target"],
        )
        fake, seen = _judge(
            model, variables=with_stats(variables, seen), batch=batch, picture=picture
        )
        loss, parts = total_loss(loss_fn.discriminator(real, fake), axis_name)
        return loss, (parts, seen)

    gradient, (parts, stats) = jax.grad(discriminator_loss, has_aux=True)(
        params[DISCRIMINATOR]
    )
    return total(gradient, axis_name), parts, stats


def _judge_generator(params, stats, picture, batch, model, loss_fn, axis_name):
    """Returns loss and terms of the generator, and the gradient of its picture."""

    def generator_loss(picture):
        judged = None
        if loss_fn.adversarial:
            judged, _ = _judge(
                model, variables=with_stats(params, stats), batch=batch, picture=picture
            )
        return total_loss(loss_fn.generator(picture, batch, judged), axis_name)

    (loss, parts), cotangent = jax.value_and_grad(generator_loss, has_aux=True)(picture)
    return loss, parts, cotangent


def _judge(model, variables, batch, picture):
    judged, updated = model.apply(
        variables,
        batch["image"],
        picture,
        train=True,
        mutable=["batch_stats"],
        method="judge",
    )
    return judged, updated.get("batch_stats", {})


def _given(picture, batch):
    return jnp.where(batch["known"][..., None], picture, -1.0)


def _counts(logits, batch, void, axis_name):
    """Counts labeled and correct pixels if the picture shows labels."""
    if "label" not in batch:
        return {}
    return total(update.pixel_counts(logits, batch["label"], void), axis_name)
