"""Compares the receipt of an evaluation with the evaluation as it is computed now."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxseg.metrics.image_counts import ImageCounts
from jaxseg.receipts.receipt import Receipt
from jaxseg.tasks.measuring import ImageResult
from jaxseg.text import counted


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Contains the differences between a receipt and a second evaluation.

    Attributes:
      inputs: One sentence for each difference between the images, labels or weights.
      counts: One sentence for each difference between the confusion matrices of an
        image.
      notes: One sentence for each difference between the programs or between the files
        of the run. Such differences alone do not mean that the receipt is wrong.
    """

    inputs: tuple[str, ...]
    counts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Returns whether data, weights and confusion matrices match the receipt."""
        return not self.inputs and not self.counts


def compare(
    stored: Receipt,
    found: Receipt,
    *,
    intact: bool = True,
    files: Mapping[tuple[str, str], str] = types.MappingProxyType({}),
) -> Comparison:
    """Returns the differences between a stored receipt and one that was computed now.

    Args:
      stored: The stored receipt.
      found: The receipt that was computed now.
      intact: Whether the digest in the stored file matches the file's content.
      files: The paths of the image and label files, as `jaxseg.receipts.files` finds
        them. The sentences about differences name them.
    """
    inputs = [] if intact else ["the receipt was changed after it was written"]
    inputs += _images(stored, found, files)
    inputs += [f"weights: {text}" for text in _entries(stored.weights, found.weights)]
    notes = [f"program: {text}" for text in _program(stored.program, found.program)]
    return Comparison(tuple(inputs), tuple(_counts(stored, found)), tuple(notes))


def moved_pixels(stored: ImageCounts, found: ImageCounts) -> int:
    """Returns the smallest possible number of pixels that differ in two evaluations.

    It follows from the confusion matrices: if the label or prediction of a pixel
    changes, one count of the matrix decreases by 1 and another one increases by 1.

    Args:
      stored: The confusion matrix of an image in the receipt.
      found: The confusion matrix of the same image now.
    """
    before, after = (
        dict(zip(one.cells.tolist(), one.counts.tolist(), strict=True))
        for one in (stored, found)
    )
    steps = [after.get(c, 0) - before.get(c, 0) for c in before.keys() | after.keys()]
    raised = sum(step for step in steps if step > 0)
    return max(raised, raised - sum(steps))


def _images(
    stored: Receipt, found: Receipt, files: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    before, after = _by_name(stored), _by_name(found)
    for name in sorted(before.keys() - after.keys()):
        yield f"data: {name} is missing"
    for name in sorted(after.keys() - before.keys()):
        yield f"data: {name} is new"
    for name in before:
        if name not in after:
            continue
        for part in ("image", "label"):
            if getattr(before[name], part) != getattr(after[name], part):
                file = files.get((name, part))
                where = f" ({file})" if file else ""
                yield f"data: the pixels of the {part} of {name} differ{where}"
    if list(before) != list(after) and before.keys() == after.keys():
        yield "data: the images have another order"


def _counts(stored: Receipt, found: Receipt) -> Iterator[str]:
    if stored.classes != found.classes:
        yield f"classes: stored {stored.classes}, found {found.classes}"
        return
    before, after = _by_name(stored), _by_name(found)
    for name in [name for name in before if name in after]:
        for word, one, two in _pairs(before[name], after[name]):
            if moved := moved_pixels(one, two):
                pixels = counted(moved, "pixel")
                total = int(one.counts.sum())
                yield f"counts{word}: {name} differs at {pixels} or more of {total}"
    for word in ("", " after refinement"):
        if word and not any(one.refined for one in stored.images):
            return
        totals = [one.total(refined=bool(word)) for one in (stored, found)]
        if cells := int(np.count_nonzero(totals[0] != totals[1])):
            entries = counted(cells, "entry", "entries")
            yield f"counts{word}: the total differs in {entries}"


def _pairs(
    before: ImageResult, after: ImageResult
) -> Iterator[tuple[str, ImageCounts, ImageCounts]]:
    yield "", before.counts, after.counts
    for one, two in zip(before.refined, after.refined, strict=True):
        yield " after refinement", one, two


def _program(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    yield from _entries(stored.get("packages", {}), found["packages"])
    for name in ("python", "platform", "machine"):
        if stored.get(name) != found[name]:
            yield f"{name} was {stored.get(name)} and is {found[name]}"
    if stored.get("sources") != found["sources"]:
        yield "the sources of jaxseg differ"


def _entries(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(stored.keys() | found.keys()):
        if stored.get(name) != found.get(name):
            yield f"{name} was {stored.get(name)} and is {found.get(name)}"


def _by_name(receipt: Receipt) -> dict[str, ImageResult]:
    return {one.name: one for one in receipt.images}
