"""Chooses the fastest setting that fits into memory, with few compilations.

A setting is a choice of training options, such as batch size and rematerialization. The
settings are tried in the order of their estimated time for each image. For each option
that differs from the configuration, this time is increased by 1 %. A setting whose
estimated memory is far above the limit is not compiled. Each compilation corrects the
estimates of the settings that are not compiled yet. The first setting that fits is the
fastest one if the estimated times are in the right order.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence

from jaxseg.plan.estimate import Estimate
from jaxseg.plan.setting import Setting

FIRST_SLACK = 1.5  # The estimate of a program can be this much too large ...
SLACK = 1.15  # ... and this much after a similar program was compiled.
COMPILATIONS = 6  # Bounds the time; more could find a faster setting.
GAIN = 0.01  # An option is changed only for a larger gain in time than this.


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Contains a setting with the estimated memory and time of its training step.

    Attributes:
      setting: The training options, such as batch size and rematerialization.
      estimate: The estimated memory and time of a step.
      changed: The number of options that differ from the configuration.
    """

    setting: Setting
    estimate: Estimate
    changed: int = 0

    @property
    def pace(self) -> float:
        """Returns the estimated seconds of a step, divided by the batch size."""
        return self.estimate.seconds / self.setting.batch_size


@dataclasses.dataclass(frozen=True)
class Choice:
    """Contains the outcome of a search for the fastest candidate.

    Attributes:
      chosen: The index of the fastest candidate that fits, or None if none fits.
      needs: For each candidate, the bytes that its training step needs on one device.
        If the step was not compiled, the number is an estimate. It is corrected by the
        error of the estimates for the compiled steps that are most similar.
      compiled: The indices of the candidates that were compiled, in this order.
    """

    chosen: int | None
    needs: tuple[float, ...]
    compiled: tuple[int, ...]


def choose(
    candidates: Sequence[Candidate], attempt: Callable[[Setting], float], room: float
) -> Choice:
    """Searches for the fastest candidate whose compiled step fits into memory.

    If the step of none of the first `COMPILATIONS` candidates fits, the candidate with
    the smallest estimated memory is compiled.

    Args:
      candidates: The settings with their estimates.
      attempt: Compiles the step of a setting, and returns the bytes that it needs on
        one device.
      room: The largest number of bytes that a step may need on one device.

    Returns:
      The chosen candidate, the memory of all candidates, and which were compiled.
    """
    known: dict[int, float] = {}
    order = sorted(
        range(len(candidates)),
        key=lambda i: candidates[i].pace * (1 + GAIN * candidates[i].changed),
    )
    chosen = None
    while chosen is None and len(known) < COMPILATIONS:
        slack = SLACK if known else FIRST_SLACK
        waiting = [
            i
            for i in order
            if i not in known and _needs(candidates, known, i) <= room * slack
        ]
        if not waiting:
            break
        known[waiting[0]] = attempt(candidates[waiting[0]].setting)
        chosen = waiting[0] if known[waiting[0]] <= room else None
    if chosen is None and (rest := [i for i in order if i not in known]):
        least = min(rest, key=lambda i: _needs(candidates, known, i))
        known[least] = attempt(candidates[least].setting)
        chosen = least if known[least] <= room else None
    needs = tuple(_needs(candidates, known, i) for i in range(len(candidates)))
    return Choice(chosen, needs, tuple(known))


def _needs(
    candidates: Sequence[Candidate], known: dict[int, float], index: int
) -> float:
    """Returns the compiled memory of a candidate, or its corrected estimate.

    The correction is the quotient of the compiled and the estimated temporary memory of
    the most similar settings that were compiled.
    """
    if index in known:
        return known[index]
    one = candidates[index]
    ratios = {}
    for other, needs in known.items():
        estimate = candidates[other].estimate
        ratio = (needs - estimate.arguments) / max(estimate.temporaries, 1.0)
        alike = _likeness(one.setting, candidates[other].setting)
        ratios.setdefault(alike, []).append(ratio)
    correction = statistics.median(ratios[max(ratios)]) if ratios else 1.0
    return one.estimate.arguments + correction * one.estimate.temporaries


def _likeness(one: Setting, other: Setting) -> int:
    """Returns how many of the options that shape a program two settings share."""
    names = ("remat", "dtype", "shard", "grad_accum_steps")
    return sum(getattr(one, name) == getattr(other, name) for name in names)
