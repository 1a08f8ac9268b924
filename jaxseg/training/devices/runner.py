"""The steps of `training.steps` bound to devices, as the loop and `eval` use them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxseg.training.devices import processes
from jaxseg.training.devices.compile_log import noted, shapes
from jaxseg.training.devices.drivers import Driver, jit_driver, pmap_driver
from jaxseg.training.devices.mesh import Space, make_mesh, space_pair
from jaxseg.training.run.evaluate import fill_rows
from jaxseg.training.run.task import HostBatch

PADDED = 32  # pixels; sides of images for evaluation are multiples of it
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


def check_batch(
    name: str, size: int, devices: Sequence[jax.Device], *, space: Space = 1
) -> None:
    """Raises ValueError unless a global batch splits evenly over the devices."""
    image = math.prod(space_pair(space))
    count = len(devices) // image
    if size < 1 or size % count:
        each = "devices" if image == 1 else f"groups of {image} devices"
        raise ValueError(
            f"{name} is {size}; allowed: multiples of {count}, the number of {each} "
            "(--devices N uses fewer)"
        )


def check_space(
    name: str, space: Space, crop: tuple[int, int], devices: Sequence[jax.Device]
) -> None:
    """Raises ValueError unless images of this crop can be shared by the devices.

    Evaluation pads images to multiples of `PADDED` pixels, which must divide as well.
    """
    pair = space_pair(space)
    if min(pair) < 1 or len(devices) % math.prod(pair):
        raise ValueError(
            f"{name} is {space}; allowed: 1 or more, and a product that divides "
            f"{len(devices)}, the number of devices"
        )
    for side, count, pixels in zip(("height", "width"), pair, crop, strict=True):
        if PADDED % count:
            raise ValueError(
                f"{name} is {space}; allowed: powers of two up to {PADDED}, which "
                "divide the padded images of evaluation"
            )
        if pixels % count:
            raise ValueError(
                f"{name} is {space}; the crop's {side} {pixels} is not a multiple of "
                f"{count} (data.crop)"
            )


class Evaluation:
    """Confusion counts on devices; `step(variables, batch)` as `training.steps` has it.

    Takes batches of any length: rows that are missing for an even split are void.
    `space` devices share one image (jit only).
    """

    def __init__(
        self,
        step: Callable,
        *,
        kind: str,
        devices: Sequence[jax.Device],
        space: Space = 1,
    ) -> None:
        self.programs: list[str] = []  # compiled so far, see training.programs
        self._compiled: set[tuple[Driver, str]] = set()
        step = noted(step, "eval_step", self.programs)
        self._driver = _bind(step, kind, devices, space, donate=False)
        groups = len(devices) // math.prod(space_pair(space))
        self._local = max(1, groups // jax.process_count())

    def place(self, variables: Any) -> Any:
        """Variables on the devices."""
        return self._driver.put_state(variables)

    def count(self, variables: Any, batch: HostBatch) -> jax.Array:
        """int32 [K + 1, K] of the global batch."""
        filled = fill_rows(batch, self._local)
        return self._step(self._driver, variables, filled)

    def _step(self, driver: Driver, state: Any, batch: HostBatch) -> Any:
        """Runs a step. New programs begin when all processes have compiled them.

        (Collectives on CPU wait 30 seconds for one another, compilers may differ more.)
        """
        placed = driver.put_batch(batch)
        program = (driver, shapes(batch))
        if jax.process_count() > 1 and program not in self._compiled:
            self._compiled.add(program)
            driver.step.lower(state, placed).compile()
            processes.meet("compiled")
        return driver(state, placed)


class Training(Evaluation):
    """Updates and confusion counts on the same devices.

    `shard="fsdp"` keeps parameters, optimizer state and averages in parts.
    """

    def __init__(
        self,
        train_step: Callable,
        eval_step: Callable,
        *,
        kind: str,
        devices: Sequence[jax.Device],
        space: Space = 1,
        shard: str = "none",
    ) -> None:
        super().__init__(eval_step, kind=kind, devices=devices, space=space)
        train_step = noted(train_step, "train_step", self.programs)
        self._train = _bind(train_step, kind, devices, space, donate=True, shard=shard)

    def place(self, variables: Any) -> Any:
        """A state on the devices."""
        return self._train.put_state(variables)

    def train(self, state: Any, batch: HostBatch) -> tuple[Any, dict[str, jax.Array]]:
        """One update."""
        return self._step(self._train, state, batch)

    def trace(self, state: Any, batch: Any) -> tuple[jax.stages.Traced, Any, Any]:
        """The update for shapes of a state and a global batch, and these placed.

        Raises: ValueError under pmap, which needs its devices to be there.
        """
        if self._train.abstract is None:
            raise ValueError("driver is 'pmap'; tracing for shapes allows 'jit'")
        state, batch = self._train.abstract(state, batch)
        return self._train.step.trace(state, batch), state, batch

    def variables(self, state: Any) -> Any:
        """Averaged weights where there are any, and statistics; whole everywhere."""
        return self._train.gather(state.variables())


def _bind(
    step: Callable,
    kind: str,
    devices: Sequence[jax.Device],
    space: Space,
    *,
    donate: bool,
    shard: str = "none",
) -> Driver:
    if kind == "jit":
        mesh = make_mesh(space=space, devices=devices)
        return jit_driver(step, mesh, donate=donate, shard=shard)
    if kind == "pmap":
        if space_pair(space) != (1, 1) or shard != "none":
            raise ValueError(
                f"space is {space}, shard is {shard!r}; driver 'pmap' allows 1 and "
                "'none', 'jit' takes them"
            )
        step = functools.partial(step, axis_name=AXIS)
        return pmap_driver(step, devices, axis_name=AXIS, donate=donate)
    raise ValueError(f"driver is {kind!r}; allowed: 'jit', 'pmap'")
