"""The steps of `training.steps` bound to devices, as the loop and `eval` use them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxseg.training.evaluate import fill_rows
from jaxseg.training.parallel import Driver, jit_driver, make_mesh, pmap_driver
from jaxseg.training.task import HostBatch

AXIS = "batch"  # the axis name that steps, losses and models get under pmap


def choose(count: int | None = None) -> list[jax.Device]:
    """The first `count` devices; all of them by default.

    Raises: ValueError when there are fewer, or with several hosts and not all.
    """
    devices = jax.devices()
    if count is None:
        return devices
    some = jax.process_count() == 1 and 1 <= count <= len(devices)
    if not some and count != len(devices):
        raise ValueError(
            f"devices is {count}; there are {len(devices)} ({devices[0].platform}), "
            "and runs on several hosts use all of them"
        )
    return devices[:count]


def check_batch(name: str, size: int, devices: Sequence[jax.Device]) -> None:
    """Raises ValueError unless a global batch splits evenly over the devices."""
    if size < 1 or size % len(devices):
        raise ValueError(
            f"{name} is {size}; allowed: multiples of {len(devices)}, the number of "
            "devices (--devices N uses fewer)"
        )


class Evaluation:
    """Confusion counts on devices; `step(variables, batch)` as `training.steps` has it.

    Takes batches of any length: rows that are missing for an even split are void.
    """

    def __init__(
        self, step: Callable, *, kind: str, devices: Sequence[jax.Device]
    ) -> None:
        self._driver = _bind(step, kind, devices, donate=False)
        self._local = max(1, len(devices) // jax.process_count())

    def place(self, variables: Any) -> Any:
        """Variables on the devices."""
        return self._driver.put_state(variables)

    def count(self, variables: Any, batch: HostBatch) -> jax.Array:
        """int32 [K + 1, K] of the global batch."""
        filled = fill_rows(batch, self._local)
        return self._driver(variables, self._driver.put_batch(filled))


class Training(Evaluation):
    """Updates and confusion counts on the same devices."""

    def __init__(
        self,
        train_step: Callable,
        eval_step: Callable,
        *,
        kind: str,
        devices: Sequence[jax.Device],
    ) -> None:
        super().__init__(eval_step, kind=kind, devices=devices)
        self._train = _bind(train_step, kind, devices, donate=True)

    def train(self, state: Any, batch: HostBatch) -> tuple[Any, dict[str, jax.Array]]:
        """One update."""
        return self._train(state, self._train.put_batch(batch))

    def variables(self, state: Any) -> Any:
        """Averaged weights where there are any, and statistics."""
        return state.variables()


def _bind(
    step: Callable, kind: str, devices: Sequence[jax.Device], *, donate: bool
) -> Driver:
    if kind == "jit":
        return jit_driver(step, make_mesh(devices=devices), donate=donate)
    if kind == "pmap":
        step = functools.partial(step, axis_name=AXIS)
        return pmap_driver(step, devices, axis_name=AXIS, donate=donate)
    raise ValueError(f"driver is {kind!r}; allowed: 'jit', 'pmap'")
