"""Implements the training step, the devices that it runs on, and the training loop.

The exported names suffice to write a custom training loop:

    state = create_state(model, tx, seed=0, image_shape=(1, 64, 64, 3))
    step = functools.partial(train_step, model=model, tx=tx, loss_fn=loss_fn)
    state, metrics = jax.jit(step)(state, {"image": image, "label": label})

Accumulation, rematerialization and a moving average are options of the step:

    step = functools.partial(step, options=StepOptions(grad_accum_steps=4))
"""

from jaxseg.checkpoints.adapters import add_adapters, merge_adapters
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import TrainState, create_state
from jaxseg.training.step.steps import eval_step, train_step

__all__ = [
    "StepOptions",
    "TrainState",
    "add_adapters",
    "create_state",
    "eval_step",
    "merge_adapters",
    "train_step",
]
