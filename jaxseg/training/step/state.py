"""Defines the training state, which contains only arrays."""

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

from jaxseg.checkpoints.adapters import add_adapters, merge_adapters

_DO_NOT_FIT = (  # errors of Python, JAX and Flax when a network is built
    ArithmeticError,
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
    flax.errors.FlaxError,
)


class TrainState(flax.struct.PyTreeNode):
    """Contains the arrays of a training run.

    Attributes:
      step: The number of updates so far, an int32 scalar.
      params: The parameters, float32. If the run trains adapters, this tree contains
        them as the entry "adapters", see `jaxseg.checkpoints.adapters`.
      batch_stats: The running statistics of normalization, or {}.
      opt_state: The state of the optax transformation.
      ema: The exponential moving average of `params`, or None.
      rng: The random key of the network (dropout).
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any
    rng: jax.Array

    def variables(self) -> dict[str, Any]:
        """Returns the variables with which the network is evaluated.

        The parameters are the moving average if the run keeps one. The normalization
        statistics are not averaged, because they are running means already. Adapters
        are merged with the layers to which they belong.
        """
        params = self.params if self.ema is None else self.ema
        return with_stats(merge_adapters(params), self.batch_stats)


def with_stats(params: Any, batch_stats: Any) -> dict[str, Any]:
    """Combines parameters and normalization statistics into variables of a network.

    If `batch_stats` is empty, the variables have no such entry.
    """
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
    adapter_rank: int | None = None,
) -> TrainState:
    """Creates the initial training state with one compiled program.

    Args:
      model: The network.
      tx: The optimizer.
      seed: The seed of the initial parameters and of the random numbers of the network.
      image_shape: The shape [B, H, W, C] of an input that the model accepts; B may be
        1.
      more_inputs: The shapes and types of further inputs, for networks that take
        several.
      ema: Whether the state keeps a moving average of the parameters. It starts with
        the initial parameters.
      check: A function that is called with the shapes of the state before any array is
        created.
      adapter_rank: The rank of the adapters of the backbone, see
        `jaxseg.checkpoints.adapters.add_adapters`; None for no adapters.

    Raises:
      ValueError: If the network does not accept such an image, or if its backbone has
        no layers for adapters of this rank.
    """

    @jax.jit
    def init(seed):
        init_key, run_key = jax.random.split(jax.random.key(seed))
        image = jnp.zeros(image_shape, jnp.float32)
        more = [jnp.zeros(x.shape, x.dtype) for x in more_inputs]
        with _fitting(image_shape):
            variables = model.init(init_key, image, *more, train=False)
        params = variables["params"]
        if adapter_rank is not None:
            own = jax.random.fold_in(init_key, 1)
            params = add_adapters(params, adapter_rank, own)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            batch_stats=variables.get("batch_stats", {}),
            opt_state=tx.init(params),
            ema=jax.tree.map(jnp.copy, params) if ema else None,
            rng=run_key,
        )

    if check is not None:
        check(jax.eval_shape(init, seed))  # The call below reuses this trace.
    return init(seed)


@contextlib.contextmanager
def _fitting(image_shape: tuple[int, ...]) -> Iterator[None]:
    """Returns a context manager that turns errors of the network into a ValueError."""
    try:
        yield
    except _DO_NOT_FIT as error:
        why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        raise ValueError(
            f"model.options or data.crop is invalid: expected options with which the "
            f"network accepts images of shape {image_shape}, but it raised {why}"
        ) from error
