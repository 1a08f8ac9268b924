"""Lists the groups of scores that a user can request from an evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from jaxseg.metrics import boundary
from jaxseg.metrics.agreement import agreement_scores
from jaxseg.metrics.boundary import class_values
from jaxseg.metrics.category import category_scores
from jaxseg.metrics.object_size import object_counts, object_size_scores
from jaxseg.metrics.per_image import class_counts, per_image_scores
from jaxseg.metrics.threshold_curves import bin_counts, threshold_scores
from jaxseg.tasks.image_scores.setting import Measured, Setting

GroupName = Literal[
    "boundary",
    "trimap",
    "trimap-void",
    "surface",
    "image",
    "size",
    "agreement",
    "category",
    "binary",
]
Scores = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class ScoreGroup:
    """Describes scores that are computed together.

    Attributes:
      title: The heading of the scores.
      of_images: A function that computes a result from one `Measured` image, or None
        if the scores need only the confusion matrix.
      combine: A function that computes the scores. Its first argument is the list of
        the results of all images in dataset order, or the confusion matrix if
        `of_images` is None. Its second argument is the `Setting`.
      refusal: A function that says, as text, why the scores are undefined for the
        dataset of a `Setting`. The text is empty if they are defined.
      needs_probabilities: Whether `of_images` reads the probabilities.
    """

    title: str
    combine: Callable[[Any, Setting], Scores]
    of_images: Callable[[Measured], Any] | None = None
    refusal: Callable[[Setting], str] = lambda setting: ""
    needs_probabilities: bool = False


def _boundary(image: Measured) -> tuple[Any, Any]:
    size, spacing = image.pair.label.shape, image.setting.distance.spacing
    return (
        class_values.boundary_f1_values(image.distances, size, spacing=spacing),
        boundary.inner_boundary_counts(image.pair),
    )


def _boundary_scores(found: Sequence[tuple[Any, Any]], setting: Setting) -> Scores:
    f1, inner = zip(*found, strict=True)
    return {
        **class_values.mean_values(list(f1), setting.rows),
        **boundary.boundary_iou_scores(list(inner), setting.rows),
    }


def _surface(image: Measured) -> tuple[Any, int]:
    found = class_values.surface_values(
        image.distances, image.setting.distance.tolerance
    )
    missed = sum(not one.is_defined for _, one in image.distances)
    return found, missed


def _surface_scores(found: Sequence[tuple[Any, int]], setting: Setting) -> Scores:
    values, missed = zip(*found, strict=True)
    means = class_values.mean_values(list(values), setting.rows)
    return {**means, "undefined_distances": sum(missed)}


def _void_scores(found: Sequence[Any], setting: Setting) -> Scores:
    values = boundary.trimap_scores(found, setting.rows)
    return {"trimap_void_iou": values["trimap_iou"]}


def _binary(image: Measured) -> Any:
    example = image.example
    return bin_counts(example.probabilities[..., 1], example.label, void=example.void)


def _single(setting: Setting) -> str:
    if setting.spec.multilabel:
        return "the classes of this dataset can overlap"
    return ""


def _one_numbering(setting: Setting) -> str:
    if setting.spec.union is not None:
        return "the run has several datasets, each with its own classes"
    return _single(setting)


def _pixels(setting: Setting) -> str:
    return "points have no boundaries" if setting.kind != "images" else _single(setting)


def _has_categories(setting: Setting) -> str:
    if not setting.categories:
        return "the record of the dataset has no categories"
    return _one_numbering(setting)


def _two_classes(setting: Setting) -> str:
    if setting.kind != "images":
        return "they are computed for images only"
    if setting.spec.num_classes != 2:
        return f"they need two classes, and there are {setting.spec.num_classes}"
    return _one_numbering(setting)


GROUPS: dict[str, ScoreGroup] = {
    "boundary": ScoreGroup(
        "boundary F1 and Boundary IoU", _boundary_scores, _boundary, _pixels
    ),
    "trimap": ScoreGroup(
        "mean IoU near the boundaries of the labels",
        lambda found, setting: boundary.trimap_scores(found, setting.rows),
        lambda image: boundary.band_counts(image.pair),
        _pixels,
    ),
    "trimap-void": ScoreGroup(
        "mean IoU near void pixels",
        _void_scores,
        lambda image: boundary.band_counts(image.pair, around="void"),
        _pixels,
    ),
    "surface": ScoreGroup(
        "distances between boundaries", _surface_scores, _surface, _pixels
    ),
    "image": ScoreGroup(
        "means over the images",
        lambda found, setting: per_image_scores(found, setting.rows),
        lambda image: class_counts(image.pair),
        _single,
    ),
    "size": ScoreGroup(
        "objects by size",
        lambda found, setting: object_size_scores(found, setting.rows),
        lambda image: object_counts(image.pair),
        _pixels,
    ),
    "agreement": ScoreGroup(
        "Cohen's kappa and specificity",
        lambda matrix, setting: agreement_scores(matrix),
        refusal=_one_numbering,
    ),
    "category": ScoreGroup(
        "IoU of categories",
        lambda matrix, setting: category_scores(matrix, setting.categories),
        refusal=_has_categories,
    ),
    "binary": ScoreGroup(
        "curves over all thresholds",
        lambda found, setting: threshold_scores(found),
        _binary,
        _two_classes,
        needs_probabilities=True,
    ),
}
