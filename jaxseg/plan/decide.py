"""Finds the options with which a training step fits into memory and is fastest.

By default, only options change that do not affect the result of the training, and the
batch size stays the same. `jaxseg.plan.setting` lists the options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.choose import Candidate, Choice, choose
from jaxseg.plan.compile import compiled
from jaxseg.plan.estimate import Estimator
from jaxseg.plan.program_cache import ProgramCache
from jaxseg.plan.setting import Freedom, Setting, settings
from jaxseg.plan.topology import Slice
from jaxseg.runs.rules import invalid
from jaxseg.tasks.table import SEGMENTATION, task_of

MARGIN = 0.05  # The share of the memory that stays free.


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Contains a setting that was considered, and why it was rejected.

    Attributes:
      setting: The training options, such as batch size and rematerialization.
      needs: The bytes that a training step with this setting needs on one device.
      is_compiled: Whether `needs` is the memory of the compiled step. Otherwise it is
        an estimate.
      seconds: The estimated time of a step.
      verdict: "chosen"; "too large" for the memory; "slower" if the estimated time for
        each image is longer than that of the chosen setting; or "not better" if this
        time is not longer, but the setting changes more options.
    """

    setting: Setting
    needs: float
    is_compiled: bool
    seconds: float
    verdict: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """Contains the settings that were considered for a training step.

    A setting is a choice of training options, such as batch size and rematerialization.

    Attributes:
      chosen: The fastest setting whose compiled step fits, or None if none fits.
      memory: The bytes of memory of one device.
      room: The bytes that the step may need: the memory without the margin.
      promise: The bytes that the compiled step of the chosen setting needs, or None.
      freedom: What the search was free to change.
      alternatives: All settings, in the order of their estimated time for each image.
      refused: Pairs of a setting that contradicts the configuration, and the message of
        the error.
    """

    chosen: Setting | None
    memory: int
    room: float
    promise: float | None
    freedom: Freedom
    alternatives: tuple[Alternative, ...]
    refused: tuple[tuple[Setting, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Returns the decision as a dictionary that JSON can store."""
        return dataclasses.asdict(self)


def decide(
    config: Config,
    target: Slice,
    memory: int,
    *,
    freedom: Freedom | None = None,
    cache: ProgramCache | None = None,
    report: Callable[[Setting, float], None] = lambda setting, needs: None,
) -> Decision:
    """Finds the options with which a training step fits into memory and is fastest.

    Args:
      config: The configuration.
      target: The devices for which the step is compiled.
      memory: The bytes of memory of one device, of which `MARGIN` stays free.
      freedom: What may change in addition to rematerialization and sharding. By
        default, `config.train.memory_changes` lists it. The number of micro-batches may
        also change if it does not affect the result of the training.
      cache: Results of earlier compilations.
      report: Is called after each compilation with the setting and the bytes that its
        step needs on one device.

    Returns:
      The chosen setting, and all settings that were considered.

    Raises:
      ValueError: If the configuration cannot be planned, or if no setting can be
        divided evenly among the devices.
    """
    if config.train.parallel_backend != "jit":
        expected = "'jit' where options are chosen by memory"
        backend = config.train.parallel_backend
        raise ValueError(invalid("train.parallel_backend", backend, expected))
    allowed = freedom_of(config) if freedom is None else freedom
    candidates, refused = _candidates(config, target, allowed)

    def attempt(setting: Setting) -> float:
        program = compiled(setting.applied(config), target, cache=cache)
        report(setting, program.needs())
        return program.needs()

    room = memory * (1 - MARGIN)
    choice = choose(candidates, attempt, room)
    return Decision(
        chosen=None if choice.chosen is None else candidates[choice.chosen].setting,
        memory=memory,
        room=room,
        promise=None if choice.chosen is None else choice.needs[choice.chosen],
        freedom=allowed,
        alternatives=_alternatives(candidates, choice, room),
        refused=refused,
    )


def _alternatives(
    candidates: list[Candidate], choice: Choice, room: float
) -> tuple[Alternative, ...]:
    """Returns all candidates with verdicts, in the order of their estimated time."""
    best = None if choice.chosen is None else candidates[choice.chosen]
    rows = [
        Alternative(
            candidate.setting,
            needs=needs,
            is_compiled=index in choice.compiled,
            seconds=candidate.estimate.seconds,
            verdict=_verdict(candidate, needs, best=best, room=room),
        )
        for index, (candidate, needs) in enumerate(
            zip(candidates, choice.needs, strict=True)
        )
    ]
    rows.sort(key=lambda row: (row.seconds / row.setting.batch_size, row.needs))
    return tuple(rows)


def _candidates(
    config: Config, target: Slice, freedom: Freedom
) -> tuple[list[Candidate], tuple[tuple[Setting, str], ...]]:
    """Returns the settings with their estimates, and those that are not possible."""
    now, estimator = Setting.of(config.train), Estimator(config, target)
    found, refused = [], []
    for setting in settings(config, len(target.devices), freedom):
        try:
            estimate = estimator.estimate(setting)
        except ValueError as error:
            refused.append((setting, str(error)))
        else:
            found.append(Candidate(setting, estimate, len(setting.differences(now))))
    if not found and refused:
        raise ValueError(refused[0][1])
    if not found:
        expected = (
            f"a batch that {len(target.devices)} devices can divide evenly, with whole "
            "images or shared rows"
        )
        raise ValueError(invalid("train.batch_size", now.batch_size, expected))
    return found, tuple(refused)


def freedom_of(config: Config) -> Freedom:
    """Returns what a search may change in addition to rematerialization and sharding.

    The result says whether the number of micro-batches, the data type and the batch
    size may change. They may if `train.memory_changes` lists them. The number of
    micro-batches may also change if it does not affect the result of the training.

    Args:
      config: The configuration.
    """
    changes = config.train.memory_changes
    return Freedom(
        accumulation="accumulation" in changes or _accumulates_exactly(config),
        dtype="dtype" in changes,
        batch="batch" in changes,
    )


def _accumulates_exactly(config: Config) -> bool:
    """Returns whether micro-batches give the gradient of the whole batch.

    They do if the network has neither running statistics nor dropout. Tasks other than
    segmentation draw random numbers in other ways, so they count as inexact.
    """
    if task_of(config) is not SEGMENTATION:
        return False
    found: list[Any] = []

    def record(call: Callable, args: Any, kwargs: Any, context: Any) -> Any:
        layer = context.module
        if isinstance(layer, nn.Dropout) and not layer.deterministic and layer.rate:
            found.append(layer)
        return call(*args, **kwargs)

    plain = Setting(1, 1, "none", "none", 1, config.train.dtype).applied(config)
    with nn.intercept_methods(record):
        runner, state, batch = abstract_step(plain, jax.devices("cpu")[:1], 1)
        runner.trace(state, batch)
    return not found and not jax.tree.leaves(state.batch_stats)


def _verdict(
    candidate: Candidate, needs: float, *, best: Candidate | None, room: float
) -> str:
    """Returns why a candidate was rejected, see `Alternative`."""
    if candidate is best:
        return "chosen"
    if needs > room or best is None:
        return "too large"
    return "slower" if candidate.pace > best.pace * 1.001 else "not better"
