"""Decides which checkpoints of a run are kept."""

from __future__ import annotations

from collections.abc import Iterable

from orbax.checkpoint import checkpoint_managers as policies

from jaxseg.checkpoints.steps import METRIC


def rank(metrics: dict[str, float]) -> float:
    """Returns the number by which the scores of a step are ranked, its mean IoU."""
    return metrics[METRIC]


def newest_and_best(max_to_keep: int) -> policies.AnyPreservationPolicy:
    """Returns Orbax's policy that keeps the newest checkpoints and the best one.

    Args:
      max_to_keep: The number of newest checkpoints.
    """
    best = policies.BestN(
        get_metric_fn=rank, n=1, keep_checkpoints_without_metrics=False
    )
    return policies.AnyPreservationPolicy([policies.LatestN(max_to_keep), best])


def superfluous(
    steps: Iterable[int], best: int | None, max_to_keep: int
) -> tuple[int, ...]:
    """Returns the steps that are neither among the newest nor the best one.

    >>> superfluous((2, 4, 6, 8, 10), best=4, max_to_keep=2)
    (2, 6)

    Args:
      steps: The steps of all checkpoints, in ascending order.
      best: The step with the highest mean IoU, or None.
      max_to_keep: The number of newest checkpoints that are kept.
    """
    return tuple(step for step in tuple(steps)[:-max_to_keep] if step != best)
