"""Defines a receipt: everything that is needed to repeat an evaluation."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.checkpoints import digest
from jaxseg.metrics.image_counts import ImageCounts, matrix_of
from jaxseg.storage import atomic
from jaxseg.storage.json_file import parse_json, plain
from jaxseg.storage.text import read_text
from jaxseg.tasks.measuring import ImageResult

FORMAT = 1  # To be raised when the fields of a receipt change.
ABOUT = {"workdir", "files", "model", "step", "split", "refinement"}
SECTIONS = ("evaluation", "program", "configuration", "dataset", "weights", "scores")


@dataclasses.dataclass(frozen=True)
class Receipt:
    """Contains the inputs of an evaluation, or their digests, and its results.

    Attributes:
      evaluation: The run directory, the step of the checkpoint, the split and the
        refinement.
      program: The program, as `jaxseg.receipts.program` describes it.
      configuration: The configuration of the evaluation, as JSON values.
      dataset: The specification of the evaluated dataset, as JSON values.
      weights: The digest of each array of the network, as checkpoints contain it.
      scores: The main scores. They inform readers and are not verified.
      classes: The names of the classes, in the order of the rows of the confusion
        matrices. The last row, for void pixels, has no name here.
      images: For each image, its confusion matrix and two digests, of its pixels and of
        its label. The images have the order of the split.
    """

    evaluation: Mapping[str, Any]
    program: Mapping[str, Any]
    configuration: Mapping[str, Any]
    dataset: Mapping[str, Any]
    weights: Mapping[str, str]
    scores: Mapping[str, Any]
    classes: tuple[str, ...]
    images: tuple[ImageResult, ...]

    @property
    def data_digest(self) -> str:
        """Returns the SHA-256 digest of all images and labels, and of their order."""
        lines = [f"{one.name}\n{one.image}\n{one.label}\n" for one in self.images]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def total(self, *, refined: bool = False) -> np.ndarray:
        """Returns the confusion matrix over all images, int64 [K + 1, K].

        Args:
          refined: Whether to count the refined predictions instead of the original
            ones.
        """
        pick = (lambda one: one.refined[0]) if refined else (lambda one: one.counts)
        return matrix_of(map(pick, self.images), len(self.classes))


def write_receipt(path: str | os.PathLike, receipt: Receipt) -> None:
    """Writes a receipt as JSON and replaces the file atomically.

    Equal receipts give equal bytes.

    Args:
      path: The file.
      receipt: The receipt.
    """
    content = _content(receipt)
    content = {"receipt": FORMAT, "sha256": digest.of_values(content), **content}
    atomic.write_text(os.fspath(path), _layout(content) + "\n")


def read_receipt(path: str | os.PathLike) -> tuple[Receipt, bool]:
    """Reads a receipt.

    Args:
      path: A file that `jaxseg eval --receipt` has written.

    Returns:
      A pair: the receipt, and whether the digest in the file matches its content.

    Raises:
      ValueError: If the file is not a receipt.
    """
    try:
        content = parse_json(read_text(Path(path)))
        if content.pop("receipt") != FORMAT:
            raise ValueError(f"the format of the receipt is not version {FORMAT}")
        stored = content.pop("sha256")
        intact = digest.of_values(content) == stored
        return _parsed(content), intact
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"receipt={str(path)!r} is invalid: expected a file that `jaxseg eval "
            f"--receipt` has written ({type(error).__name__}: {error})."
        ) from error


def _content(receipt: Receipt) -> dict[str, Any]:
    refined = any(one.refined for one in receipt.images)
    sections = {name: plain(getattr(receipt, name)) for name in SECTIONS}
    sections["digests"] = {
        "configuration": digest.of_values(sections["configuration"]),
        "dataset": digest.of_values(sections["dataset"]),
        "weights": digest.of_values(sections["weights"]),
        "data": receipt.data_digest,
    }
    sections["classes"] = list(receipt.classes)
    sections["total"] = receipt.total().tolist()
    if refined:
        sections["total_refined"] = receipt.total(refined=True).tolist()
    sections["images"] = [_image(one) for one in receipt.images]
    return sections


def _image(one: ImageResult) -> dict[str, Any]:
    """Returns the JSON form of an image: its counts are pairs of cell and number."""
    found: dict[str, Any] = {"name": one.name, "image": one.image, "label": one.label}
    found["counts"] = _pairs(one.counts)
    if one.refined:
        found["refined"] = _pairs(one.refined[0])
    return found


def _pairs(counts: ImageCounts) -> list[list[int]]:
    return np.stack([counts.cells, counts.counts], 1).tolist()


def _parsed(content: Mapping[str, Any]) -> Receipt:
    sections = {name: content[name] for name in SECTIONS}
    classes = tuple(map(str, content["classes"]))
    cells = len(classes) * (len(classes) + 1)
    images = tuple(_parsed_image(one, cells) for one in content["images"])
    for name in SECTIONS:
        if not isinstance(sections[name], Mapping):
            raise ValueError(f"the section {name!r} is not a JSON object")
    if missing := ABOUT - set(sections["evaluation"]):
        raise ValueError(f"the section 'evaluation' lacks {sorted(missing)}")
    receipt = Receipt(**sections, classes=classes, images=images)
    if receipt.total().tolist() != content["total"]:
        raise ValueError(
            "the confusion counts of the images do not add up to the total of all "
            "images"
        )
    return receipt


def _parsed_image(one: Mapping[str, Any], cells: int) -> ImageResult:
    refined = (_counts(one["refined"], cells),) if "refined" in one else ()
    counts = _counts(one["counts"], cells)
    return ImageResult(
        str(one["name"]), str(one["image"]), str(one["label"]), counts, refined
    )


def _counts(pairs: Sequence[Sequence[int]], cells: int) -> ImageCounts:
    found = np.array(pairs, np.int64).reshape(-1, 2)
    index, counts = found.T
    if (counts < 0).any() or (index < 0).any() or (index >= cells).any():
        raise ValueError(
            "a confusion count of an image is negative, or its index is outside of the "
            "confusion matrix"
        )
    return ImageCounts(index, counts)


def _layout(content: Mapping[str, Any]) -> str:
    """Returns JSON text with one line for each section, each row and each image."""
    parts = []
    for name, value in content.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and not isinstance(value[0], str):
            text = "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"
        parts.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}"
