"""Decides when a run ends early, because its mean IoU has stopped improving."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass
class EarlyStopping:
    """Counts the evaluations since the highest mean IoU of a run.

    Attributes:
      patience: The number of evaluations without a new highest mean IoU after which the
        run ends. If it is None, the run never ends early.
      best: The highest mean IoU so far, or None before the first evaluation.
      stale: The number of evaluations since the one with the highest mean IoU.
    """

    patience: int | None
    best: float | None = None
    stale: int = 0

    @classmethod
    def restored(cls, patience: int | None, meta: Mapping[str, Any]) -> EarlyStopping:
        """Returns an `EarlyStopping` that continues the count of a resumed run.

        Args:
          patience: The number of evaluations without a new highest mean IoU after which
            the run ends. If it is None, the run never ends early.
          meta: The metadata of the checkpoint, which contain the count.
        """
        return cls(patience, meta.get("best"), meta.get("stale", 0))

    def add(self, score: float | None) -> None:
        """Counts an evaluation.

        Args:
          score: The mean IoU of the evaluation. None counts as no improvement.
        """
        if score is not None and (self.best is None or score > self.best):
            self.best, self.stale = score, 0
        else:
            self.stale += 1

    @property
    def ended(self) -> bool:
        """Returns whether the run ends now, because its mean IoU no longer improves."""
        return self.patience is not None and self.stale >= self.patience

    @property
    def stored(self) -> dict[str, Any]:
        """Returns the count as a dictionary, for the metadata of a checkpoint.

        The entry "best" is the highest mean IoU, and "stale" is the number of
        evaluations since then.
        """
        return {"best": self.best, "stale": self.stale}
