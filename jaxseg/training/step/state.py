"""Everything a run carries from step to step: arrays and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax.errors
import flax.struct
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

_DO_NOT_FIT = (  # what Python, JAX and Flax raise while a network is laid out
    ArithmeticError,
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
    flax.errors.FlaxError,
)


class TrainState(flax.struct.PyTreeNode):
    """The state of training.

    Attributes:
      step: int32 scalar, updates done so far.
      params: parameters, float32.
      batch_stats: running statistics of normalization; {} without any.
      opt_state: of the optax transformation.
      ema: exponential moving average of `params`, or None.
      rng: key of all randomness inside the network (dropout).
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any
    rng: jax.Array

    def variables(self) -> dict[str, Any]:
        """What evaluation and prediction use: the average where there is one.

        Normalization statistics are running means already and are not averaged again.
        """
        params = self.params if self.ema is None else self.ema
        return with_stats(params, self.batch_stats)


def with_stats(params: Any, batch_stats: Any) -> dict[str, Any]:
    """Variables for `model.apply`, without an empty `batch_stats`."""
    stats = {"batch_stats": batch_stats} if batch_stats else {}
    return {"params": params, **stats}


def create_state(
    model: nn.Module,
    tx: optax.GradientTransformation,
    *,
    seed: int,
    image_shape: tuple[int, ...],
    ema: bool = False,
    more_inputs: Sequence[jax.ShapeDtypeStruct] = (),
    check: Callable[[TrainState], None] | None = None,
) -> TrainState:
    """A new state; one compiled program makes parameters and optimizer state.

    Args:
      image_shape: [B, H, W, C] of some input the model takes; B = 1 is enough.
      more_inputs: shapes and types of the inputs behind the first, for a network that
        takes several (`inputs` of the steps).
      ema: start a moving average at the initial parameters.
      check: called with the shapes of the state before any array is made.

    Raises:
      ValueError: when the network does not take such an image.
    """

    @jax.jit
    def init(seed):
        init_key, run_key = jax.random.split(jax.random.key(seed))
        image = jnp.zeros(image_shape, jnp.float32)
        more = [jnp.zeros(x.shape, x.dtype) for x in more_inputs]
        with _fitting(image_shape):
            variables = model.init(init_key, image, *more, train=False)
        params = variables["params"]
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            batch_stats=variables.get("batch_stats", {}),
            opt_state=tx.init(params),
            ema=jax.tree.map(jnp.copy, params) if ema else None,
            rng=run_key,
        )

    if check is not None:
        check(jax.eval_shape(init, seed))  # traced once: the call finds it in the cache
    return init(seed)


@contextlib.contextmanager
def _fitting(image_shape: tuple[int, ...]) -> Iterator[None]:
    """Says in one line that options of a network do not fit each other or the image."""
    try:
        yield
    except _DO_NOT_FIT as error:
        why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        raise ValueError(
            f"model.options or data.crop is invalid: the network does not take images "
            f"of shape {image_shape} ({why})"
        ) from error
