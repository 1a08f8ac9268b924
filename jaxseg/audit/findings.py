"""Finds the faults of a dataset, with one function for each kind of fault.

A record, the class `jaxseg.audit.record.Record`, contains the properties of an image
and its mask that `jaxseg.audit.scan` has read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from jaxseg.audit.kinds import Finding
from jaxseg.audit.overlapping import combination
from jaxseg.audit.record import Record
from jaxseg.audit.scan import Splits
from jaxseg.config import DataConfig
from jaxseg.data import layouts
from jaxseg.data.builders.pairs_config import PairsConfig
from jaxseg.data.classes import shown_classes
from jaxseg.data.files import name_others, shown
from jaxseg.data.ignore_index import counted_void, void_of
from jaxseg.data.lists import split_names
from jaxseg.data.mask_rules import check_contiguous, check_void
from jaxseg.data.mask_values import MaskValues
from jaxseg.data.spec import VOID
from jaxseg.data.splits import split_advice
from jaxseg.text import did_you_mean

NEARLY_EMPTY = 0.001  # Fewer pixels than this have other than the main label.


def missing_range(data: DataConfig, config: PairsConfig) -> Iterator[Finding]:
    """Yields an error if images are float32 and the options state no value range.

    Args:
      data: The data options of `train`.
      config: The files and the labels of the dataset.
    """
    if config.pixels.full_range is None and data.range is None:
        yield Finding(
            "missing_range",
            f"The images have {config.pixels}, a type without a fixed range of "
            "values. Pass --data.range percentiles, or --data.range LOW HIGH with the "
            "values that are mapped to 0 and 1.",
        )


def rejected_pairs(records: Sequence[Record]) -> Iterator[Finding]:
    """Yields an error for each reason for which training rejects a pair of files.

    Args:
      records: The properties of the image and the mask of each pair.
    """
    for record in records:
        for fault in record.faults:
            yield Finding(
                fault.kind,
                message=fault.message,
                split=record.split,
                files=record.files,
            )


def missing_splits(data: DataConfig, splits: Splits) -> Iterator[Finding]:
    """Yields an error for each split of the data options that the dataset lacks."""
    for field in ("train_split", "eval_split"):
        chosen = getattr(data, field)
        for name in split_names(chosen):
            if name not in splits:
                advice = split_advice(splits) if field == "eval_split" else ""
                text = (
                    f"data.{field}={chosen!r} is invalid: expected one of the splits "
                    f"{', '.join(splits)}, or a slice such as 'train[90%:]'."
                    f"{did_you_mean(name, splits)}{advice}"
                )
                yield Finding("missing_split", text, name)


def empty_splits(config: PairsConfig, splits: Splits) -> Iterator[Finding]:
    """Yields an error for each split that contains no pair of image and mask."""
    for split, pairs in splits.items():
        if not pairs:
            text = f"Split {split!r} in {config.path} has no pair."
            yield Finding("empty_split", text, split)


def values_of_splits(records: Iterable[Record]) -> list[MaskValues]:
    """Counts the mask pixels that have each value, separately for each split.

    Masks that cannot be read and masks in a lossy format are not counted. The result is
    a list with a `MaskValues` for each split, whose `pixels` is a dictionary from each
    value to its number of pixels.
    """
    found: dict[str, MaskValues] = {}
    for record in records:
        values = found.setdefault(record.split, MaskValues(record.split))
        if record.mask is not None and not record.mask.lossy:
            values.add(record.pair.mask, record.mask.values)
    return list(found.values())


def ambiguous_values(
    config: PairsConfig, records: Sequence[Record]
) -> Iterator[Finding]:
    """Yields an error for each split whose mask values can have several meanings.

    An example is 255, which can mean void or an object. `jaxseg.data.mask_rules` lists
    all cases. If the dataset has a label map, which gives each value its class, or if
    its classes can overlap, no value is ambiguous.
    """
    if config.masks.labels is not None or config.dataset.multilabel:
        return
    found = values_of_splits(records)
    together = set().union(*(values.values for values in found))
    names = config.class_names
    void = void_of(len(names)) if names else counted_void(together)
    for values in found if void == VOID else ():
        yield from _failure("ambiguous_value", values, check_void, values, together)
    if not names and together:
        worst = [values for values in found if values.pixels]
        yield from _failure("mask_value", None, check_contiguous, worst, together)


def _failure(
    kind: str, values: MaskValues | None, check: Callable[..., None], *arguments: object
) -> Iterator[Finding]:
    """Yields the error that a check raises."""
    try:
        check(*arguments)
    except ValueError as error:
        split = values.split if values else ""
        files = (values.only_ground,) if values and values.only_ground else ()
        yield Finding(kind, message=str(error), split=split, files=files)


def unlisted_values(
    config: PairsConfig, records: Sequence[Record]
) -> Iterator[Finding]:
    """Yields a warning for each mask value that the label map lacks.

    Pixels with such a value become void. If the data options treat such values as
    errors, the masks are rejected earlier and nothing is yielded.
    """
    labels = config.masks.labels
    if labels is None or config.masks.given or config.masks.unlisted == "error":
        return
    listed = set(labels.values)
    for found in values_of_splits(records):
        for value in sorted(found.values - listed):
            text = (
                f"The value {value} becomes void in {found.pixels[value]:,} pixels of "
                f"the masks of split {found.split!r}."
            )
            files = (found.first[value],)
            yield Finding(
                "unlisted_value", message=text, split=found.split, files=files
            )


def snapped_masks(records: Sequence[Record]) -> Iterator[Finding]:
    """Yields a warning for each mask in a lossy format, such as JPEG.

    The compression changes pixel values, so pixels at borders may take another class.
    """
    for record in records:
        if record.mask is not None and record.mask.lossy:
            text = (
                f"{shown(record.pair.mask)} has a lossy format ({record.mask.form}). "
                "Pixels at borders may take another class. Save it as PNG."
            )
            yield Finding(
                "snapped_mask",
                message=text,
                split=record.split,
                files=(record.pair.mask,),
            )


def nearly_empty_masks(
    config: PairsConfig, records: Sequence[Record], names: Sequence[str]
) -> Iterator[Finding]:
    """Yields a warning for each mask that consists almost entirely of one label.

    This label, which can be void, covers more than 99.9 % of the pixels. If classes can
    overlap, it is a combination of classes.
    """
    for record in records:
        labels = record.mask.labels if record.mask is not None else None
        if record.mask is not None and config.dataset.multilabel:
            labels = record.mask.values
        if not labels:
            continue
        total, most = sum(labels.values()), max(labels, key=labels.__getitem__)
        others = total - labels[most]
        if others < NEARLY_EMPTY * total:
            if config.dataset.multilabel:
                what = combination(most, names)
            else:
                what = "void" if most == void_of(len(names)) else _name(most, names)
            text = (
                f"{shown(record.pair.mask)} is {what} in all but {others:,} of "
                f"{total:,} pixels."
            )
            yield Finding(
                "nearly_empty_mask",
                message=text,
                split=record.split,
                files=(record.pair.mask,),
            )


def flat_images(records: Sequence[Record]) -> Iterator[Finding]:
    """Yields a warning for each image in which all pixel values are equal."""
    for record in records:
        if record.image is not None and record.image.low == record.image.high:
            value = record.image.low
            text = f"Every value of {shown(record.pair.image)} is {value}."
            yield Finding(
                "flat_image",
                message=text,
                split=record.split,
                files=(record.pair.image,),
            )


def rotated_images(records: Sequence[Record]) -> Iterator[Finding]:
    """Yields a warning for each image that its orientation tag rotates or mirrors."""
    for record in records:
        if record.image is not None and record.image.orientation != 1:
            text = (
                f"{shown(record.pair.image)} has the orientation tag "
                f"{record.image.orientation}, which is applied. Make sure that its "
                "mask is drawn on the picture as viewers show it."
            )
            yield Finding(
                "rotated_image", message=text, split=record.split, files=record.files
            )


def absent_classes(
    records: Sequence[Record], names: Sequence[str]
) -> Iterator[Finding]:
    """Yields for each split a warning that names the classes that its masks lack."""
    seen: dict[str, set[int]] = {}
    for record in records:
        if record.mask is not None and record.mask.labels is not None:
            seen.setdefault(record.split, set()).update(record.mask.labels)
    for split, labels in seen.items():
        absent = [name for k, name in enumerate(names) if k not in labels]
        if absent:
            text = f"No mask of split {split!r} has a pixel of {shown_classes(absent)}."
            yield Finding("absent_class", text, split)


def left_out(config: PairsConfig, splits: Splits) -> Iterator[Finding]:
    """Yields a warning for each folder that contains files that are not images."""
    if config.dataset.spec is None:  # Published datasets have other files.
        for folder, others in layouts.left_out(splits).items():
            yield Finding(
                "left_out",
                message=f"In {shown(folder)}, {name_others(others)}.",
                split="",
                files=others,
            )


def published_counts(config: PairsConfig, splits: Splits) -> Iterator[Finding]:
    """Yields a warning for each split whose size differs from its published size.

    The size is the number of pairs of image and mask.
    """
    for split, pairs in splits.items():
        published = config.dataset.counts.get(split, len(pairs))
        if len(pairs) != published:
            text = (
                f"Split {split!r} has {len(pairs):,} pairs, and {published:,} as "
                "published. Scores do not compare with published ones."
            )
            yield Finding("published_count", text, split)


def _name(label: int, names: Collection[str]) -> str:
    return f"class {label}" + (f" ({names[label]})" if label < len(names) else "")
