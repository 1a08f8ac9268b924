"""Defines the options of `jaxseg eval` that compute results for each image.

They refine predictions, search for a setting of the CRF (a conditional random field),
write a receipt (a file with which `jaxseg verify` can check the scores) and compute
bootstrap intervals. All of them together need only one pass over the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from jaxseg.cli.crf_search import BOUNDS as SEARCH_BOUNDS
from jaxseg.cli.crf_search import CRFSearch, command, search_table
from jaxseg.cli.refining import BOUNDS as REFINING_BOUNDS
from jaxseg.cli.refining import DEFAULT as NOT_REFINED
from jaxseg.cli.refining import Refining
from jaxseg.cli.unused import refuse_unused
from jaxseg.cli.verbosity import note
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.refinement import Refinement
from jaxseg.metrics import to_json
from jaxseg.metrics.bootstrap import Intervals
from jaxseg.receipts.making import Subject
from jaxseg.receipts.measured import Measured
from jaxseg.runs.rules import check_bounds, optional, text, whole
from jaxseg.storage.places import check_file
from jaxseg.tasks.evaluation import Evaluation
from jaxseg.tasks.measuring import ImageMeter, ImageResult, image_meter, total_refined
from jaxseg.tasks.scoring import score_tables
from jaxseg.text import as_message, counted
from jaxseg.training.run.observation import Observer

NO_SEARCH = CRFSearch()
OWN_BOUNDS = {
    "receipt": optional(text()),
    "bootstrap": whole(0, 1_000_000),
    "bootstrap_seed": whole(),
}


@dataclasses.dataclass(frozen=True)
class Measuring:
    """Selects what is measured on each image."""

    refining: Annotated[Refining, tyro.conf.arg(name="")] = NOT_REFINED
    crf_search: Annotated[CRFSearch, tyro.conf.arg(name="crf")] = NO_SEARCH
    receipt: str | None = None
    """JSON file to write, with digests of the data, the weights and the program, and
    with the confusion counts of every image. `jaxseg verify` recomputes and compares
    them."""
    bootstrap: int = 0
    """Number of bootstrap replicates, such as 1000, from which 95 % intervals of the
    scores are computed. Each replicate contains as many images as the split, drawn with
    replacement."""
    bootstrap_seed: int = 0
    """Seed of the random draws of --bootstrap."""

    def check(self) -> None:
        """Raises ValueError if an option is invalid or contradicts another one."""
        self.refining.check(searching=self.crf_search.search)
        check_bounds(self, OWN_BOUNDS)
        check_bounds(self.crf_search, SEARCH_BOUNDS, prefix="crf.")
        if not self.crf_search.search:
            refuse_unused(self.crf_search, prefix="crf.", needs="--crf.search")
        if not self.bootstrap:
            refuse_unused(self, ("bootstrap_seed",), needs="--bootstrap")
        if self.receipt is not None:
            check_file("receipt", self.receipt)
        if self.receipt is not None and self.crf_search.search:
            raise ValueError(
                f"receipt={self.receipt!r} is invalid with --crf.search: expected no "
                "search, because a receipt contains the scores of one setting of the "
                "CRF. Search first, then write the receipt with the best setting."
            )

    @property
    def refinements(self) -> tuple[Refinement, ...]:
        """Returns a tuple of `Refinement` objects, each a way to refine predictions.

        Each one is applied to the unrefined predictions and scored separately. The
        tuple is empty if no option refines predictions.
        """
        given = self.refining.refinement
        if self.crf_search.search:
            return self.crf_search.settings(given, self.refining.crf_options)
        return (given,) if given.is_active else ()

    @property
    def is_refined(self) -> bool:
        """Returns whether the options refine predictions in exactly one way.

        The result is False if no option refines predictions, or if --crf.search tries
        several settings of the CRF.
        """
        return bool(self.refinements) and not self.crf_search.search

    def meters(
        self, config: Config, spec: DatasetSpec, observers: Sequence[Observer] = ()
    ) -> tuple[ImageMeter, ...]:
        """Returns a tuple with the `ImageMeter` that computes results for each image.

        The tuple is empty if no option needs such results.

        Args:
          config: The configuration of the run.
          spec: The classes that the network was trained on.
          observers: Objects that receive each image after its refinement. They are
            used only if `is_refined` is True.
        """
        refinements = self.refinements
        if not (refinements or self.receipt or self.bootstrap):
            return ()
        limit = self.crf_search.search_images if self.crf_search.search else None
        meter = image_meter(
            config,
            spec,
            digests=self.receipt is not None,
            refinements=refinements,
            limit=limit,
        )
        if self.is_refined:
            meter = dataclasses.replace(meter, observers=tuple(observers))
        return (meter,)

    def report(
        self,
        subject: Subject,
        variables: Any,
        found: Evaluation,
        images: Sequence[ImageResult],
    ) -> dict[str, Any]:
        """Prints the results of all images together, and writes the receipt.

        All processes must call it.

        Args:
          subject: The checkpoint and the data that were evaluated.
          variables: The parameters and statistics of the network.
          found: The result of the evaluation.
          images: The results that the `ImageMeter` has computed for each image.

        Returns:
          A dictionary of further entries for the JSON file of the scores. It is empty
          in all processes but the first.
        """
        searches = self.crf_search.search
        given = self.refinements[0] if self.refinements and not searches else None
        subject = dataclasses.replace(subject, refinement=given)
        measured = Measured(subject, variables, found, images)
        first = jax.process_index() == 0
        if self.receipt is not None:
            measured.write_receipt(self.receipt)
        if not first:
            return {}
        content: dict[str, Any] = {}
        if self.receipt is not None:
            note(f"receipt: {self.receipt}")
        if searches:
            content |= self._searched(images, found.spec, str(subject.workdir))
        elif given is not None:
            content |= _refined(measured)
        if self.bootstrap:
            content |= self._intervals(measured)
        return content

    def _searched(
        self, images: Sequence[ImageResult], spec: DatasetSpec, workdir: str
    ) -> dict[str, Any]:
        tried = self.refinements
        table, best, values = search_table(tried, images, spec)
        used = sum(bool(one.refined) for one in images)
        print(f"\nsearch on {used} images\n{table}")
        print(as_message(f"best: {command(workdir, tried[best])}"))
        rows = [
            dataclasses.asdict(one.crf) | {"mean_iou": value}
            for one, value in zip(tried, values, strict=True)
        ]
        return {"crf_search": rows}

    def _intervals(self, measured: Measured) -> dict[str, Any]:
        """Prints the bootstrap intervals, and returns them for the JSON file."""
        content = {}
        refined = measured.subject.refinement is not None
        for word in ("", "after refinement ") if refined else ("",):
            options = {"seed": self.bootstrap_seed, "refined": bool(word)}
            intervals = measured.intervals(self.bootstrap, **options)
            print(f"\n95 % intervals {word}({self.bootstrap} replicates of the images)")
            print(as_message(interval_table(intervals, measured.evaluation.spec)))
            content["intervals_refined" if word else "intervals"] = {
                name: to_json(dict(getattr(intervals, name)))
                for name in ("low", "high", "undefined")
            }
        return content


def _refined(measured: Measured) -> dict[str, Any]:
    """Prints the scores after a refinement, and returns them for the JSON file."""
    found = measured.evaluation
    matrix, values = total_refined(measured.images, found.spec), measured.refined_scores
    print(as_message(f"\nafter refinement\n{score_tables(values, found.spec)}"))
    before, after = measured.scores["mean_iou"], values["mean_iou"]
    print(
        f"mean IoU {100 * before:.2f} before and {100 * after:.2f} after refinement "
        f"({100 * (after - before):+.2f})"
    )
    options = {"refinement": dataclasses.asdict(measured.subject.refinement)}
    return {"refined": options | to_json(values) | {"confusion": matrix[:-1]}}


NAMES = {"pixel_accuracy": "pixel accuracy", "mean_iou": "mean IoU"}


def interval_table(intervals: Intervals, spec: DatasetSpec) -> str:
    """Returns the bootstrap intervals of all scores as a table of text, in percent.

    Args:
      intervals: Three dictionaries whose keys are the names of the scores: the lower
        bounds, the upper bounds, and the number of replicates in which the score is
        undefined. The values of per-class scores are arrays [K].
      spec: The classes of the evaluation.
    """
    rows = []
    for name, low in intervals.low.items():
        ends = (low, intervals.high[name], intervals.undefined[name])
        if np.ndim(low) == 0:
            path, _, last = name.rpartition("/")
            title = NAMES.get(last, last)
            rows.append((f"{path} {title}" if path else title, *ends))
            continue
        classes = _classes(name, spec)
        rows += [
            (f"IoU {prefix}", *(end[k] for end in ends))
            for k, prefix in enumerate(classes)
        ]
    wide = max(len(name) for name, *_ in rows)
    lines = [f"{'score':<{wide}}{'low':>8}{'high':>8}"]
    for name, low, high, undefined in rows:
        times = counted(int(undefined), "replicate")
        note = f"  not defined in {times}" if undefined else ""
        shown = (
            f"{100 * end:8.2f}" if end == end else f"{'-':>8}" for end in (low, high)
        )
        lines.append(f"{name:<{wide}}{''.join(shown)}{note}")
    return "\n".join(lines)


def _classes(name: str, spec: DatasetSpec) -> list[str]:
    """Returns the names of the classes of the score "iou" or "DATASET/iou"."""
    if spec.union is None:
        return list(spec.classes)
    member, _, _ = name.rpartition("/")
    scored = next(one.scored for one in spec.members if one.name == member)
    return [f"{member}/{one}" for one in scored]


BOUNDS = {
    **OWN_BOUNDS,
    **{f"refining.{name}": rule for name, rule in REFINING_BOUNDS.items()},
    **{f"crf_search.{name}": rule for name, rule in SEARCH_BOUNDS.items()},
}
DEFAULT = Measuring()
