"""Defines the options that all training steps share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import optax

from jaxseg.ops.output_form import SOFTMAX, OutputForm

Batch = Mapping[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class StepOptions:
    """Contains the options of a training step, except network, optimizer and loss.

    Attributes:
      inputs: The names of the entries of the prepared batch that are the arguments of
        the network, in order.
      prepare: A function that augments and normalizes a batch, or None if the batches
        are ready for the network.
      schedule: Maps the step to the learning rate, which is reported as a metric.
      ema: The decay of the moving average of the parameters. It needs a state made by
        `create_state(ema=True)`.
      grad_accum_steps: Number of micro-batches that the batch is split into, see
        `jaxseg.training.step.accumulation`.
      remat: The activations to compute again in the backward pass: "none", "block" or
        "stage", see `jaxseg.training.step.rematerialization`.
      void: The ignore index.
      merged: The classes that a pixel with the label K + g may have, for g = 0, 1, ...
        Such a label states several classes without saying which of them is right, see
        `jaxseg.losses.cross_entropy`.
      form: Whether a softmax or sigmoids are applied to the logits, and how classes
        are predicted from the result.
    """

    inputs: Sequence[str] = ("image",)
    prepare: Callable[[Batch], Batch] | None = None
    schedule: optax.Schedule | None = None
    ema: float | None = None
    grad_accum_steps: int = 1
    remat: str = "none"
    void: int = 255
    merged: tuple[tuple[int, ...], ...] = ()
    form: OutputForm = SOFTMAX

    def prepared(self, batch: Batch, step: jax.Array) -> Batch:
        """Prepares a batch for the network and the loss.

        It applies the function `prepare` to the batch, and adds the number of the step
        to the batch as "step".
        """
        batch = batch if self.prepare is None else self.prepare(batch)
        return {**batch, "step": step}

    def learning_rate(self, step: jax.Array) -> dict[str, jax.Array]:
        """Returns {"learning_rate": rate at this step}, or {} without a schedule."""
        return {} if self.schedule is None else {"learning_rate": self.schedule(step)}


DEFAULTS = StepOptions()
