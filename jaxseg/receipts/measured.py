"""Evaluates a network, counts each image's confusion matrix and computes scores."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from jaxseg.metrics.bootstrap import Intervals, bootstrap
from jaxseg.receipts.making import Subject, make_receipt
from jaxseg.receipts.receipt import write_receipt
from jaxseg.tasks.evaluation import Evaluation, evaluate_network
from jaxseg.tasks.measuring import (
    ImageResult,
    image_meter,
    total_refined,
)
from jaxseg.tasks.scoring import matrix_classes, scoring


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Contains the result of an evaluation and the confusion matrix of every image.

    Attributes:
      subject: The checkpoint, the data and the refinement (such as a dense CRF) that
        were scored.
      variables: The parameters and statistics of the network.
      evaluation: The evaluation over all images.
      images: The digests and the confusion matrices of the images, in the order of
        the split.
    """

    subject: Subject
    variables: Any = dataclasses.field(repr=False)
    evaluation: Evaluation = dataclasses.field(repr=False)
    images: Sequence[ImageResult] = dataclasses.field(repr=False)

    @property
    def scores(self) -> dict[str, Any]:
        """Returns a dictionary from score names to the scores before any refinement."""
        return self.evaluation.scores

    @property
    def refined_scores(self) -> dict[str, Any]:
        """Returns a dictionary from score names to scores of the refined predictions.

        Raises:
          ValueError: If the predictions were not refined.
        """
        self._check_refined()
        spec = self.evaluation.spec
        return scoring(spec)(total_refined(self.images, spec))

    def intervals(
        self,
        replicates: int = 1000,
        *,
        seed: int = 0,
        level: float = 0.95,
        refined: bool = False,
    ) -> Intervals:
        """Returns confidence intervals of the scores, by a bootstrap over the images.

        The result is an `Intervals`, which contains the lower and the upper end for
        each score. See `jaxseg.metrics.bootstrap` for the method.

        Args:
          replicates: How many times a sample of images is drawn and scored.
          seed: The seed with which images are drawn.
          level: The confidence level of the intervals, such as 0.95.
          refined: Whether to score the refined predictions.

        Raises:
          ValueError: If `refined` is set and the predictions were not refined.
        """
        if refined:
            self._check_refined()
        spec = self.evaluation.spec
        return bootstrap(
            [one.refined[0] if refined else one.counts for one in self.images],
            len(matrix_classes(spec)),
            scoring(spec),
            replicates=replicates,
            seed=seed,
            level=level,
        )

    def write_receipt(self, path: str | os.PathLike) -> None:
        """Writes a receipt, with which `jaxseg verify` can repeat the evaluation.

        In a run with several processes, all of them must call it.

        Args:
          path: The JSON file to write.

        Raises:
          ValueError: If `measure` was called without `digests`.
        """
        if not all(one.image for one in self.images):
            raise ValueError(
                "digests=False is invalid for a receipt: expected True. Call `measure` "
                "with digests=True."
            )
        receipt = make_receipt(
            self.subject, self.variables, self.evaluation, self.images
        )
        if jax.process_index() == 0:
            write_receipt(Path(path), receipt)

    def _check_refined(self) -> None:
        if self.subject.refinement is None:
            raise ValueError(
                "refinement=None is invalid for scores after a refinement: expected "
                "a Refinement. Pass refinement=Refinement(...) when the images are "
                "measured."
            )


def measure(
    subject: Subject,
    model: Any,
    variables: Any,
    *,
    digests: bool = True,
    **options: Any,
) -> Measured:
    """Returns the evaluation of a network and the confusion matrix of every image.

    Args:
      subject: The configuration, the dataset and the refinement.
      model: The network.
      variables: Its parameters and statistics.
      digests: Whether to compute digests of images and labels, for a receipt.
      **options: Options of `evaluate_network`, such as `split` and `batch_size`.

    Raises:
      ValueError: If the refinement does not suit the classes, or the evaluation is not
        possible.
    """
    config, spec, refinement = subject.config, subject.spec, subject.refinement
    refinements = () if refinement is None else (refinement,)
    meter = image_meter(config, spec, digests=digests, refinements=refinements)
    found = evaluate_network(
        config, spec, model, variables, observers=(meter,), **options
    )
    return Measured(subject, variables, found, found.results[0])
