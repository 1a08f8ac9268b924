"""Decides whether the pixel values of masks can be used as labels without a label map.

Without a label map (`data.labels`), a mask contains class numbers, and 255 where a
pixel has no class (65535 if there are more than 255 classes, up to 4095). Values that
can have another meaning are refused. Each split is checked separately:

- With a class list of n names, all values must be 0 to n - 1 or 255. Classes may be
  absent.
- Without a class list, the values of all splits together must be 0, 1, 2, ... without a
  gap; 255 may also occur. At least one split must contain all values except 255. If one
  split had the values 0 and 1, and another one 1 and 2, for example, then 1 could mean
  different classes in the two splits.
- The value 255 can be void, or the object of a binary mask. It counts as void if a mask
  contains it together with a class other than 0. A split that contains 255, but no such
  mask, is refused.
- A class list of one name is refused, because the background would be that class.

A label map replaces all of these rules: every value must be listed in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from jaxseg.config.wording import option_text
from jaxseg.data.files import shown
from jaxseg.data.ignore_index import counted_void, require_few, void_of
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_values import MaskValues
from jaxseg.data.spec import VOID

NOISE = 32  # More values than this suggest compression or interpolation.
NEAR_VOID = 250  # Values from here on may be void under another number than 255.
NAMED_BY = "--data.classes or classes.txt"  # Where a folder has its class names.
EXAMPLE = 6  # An example in a message has at most this many pairs.


def check_listed(found: MaskValues, labels: LabelMap) -> None:
    """Raises ValueError for a value that a label map does not list.

    Args:
      found: The values of the masks.
      labels: The label map of the option `data.labels`.
    """
    missing = sorted(found.values - set(labels.values))
    if missing:
        raise ValueError(
            f"{_place(found, missing[0])}: the mask value {missing[0]} is not in the "
            f"label map {labels}: {found.describe()}. Add {missing[0]}:CLASS or "
            f"{missing[0]}:void to --data.labels."
        )


def check_classes(found: MaskValues, num_classes: int, origin: str) -> None:
    """Raises ValueError for a value that is neither the label of a class nor void.

    Args:
      found: The values of the masks.
      num_classes: The number of classes.
      origin: Where the classes come from, for error messages.
    """
    void = void_of(num_classes)
    wrong = sorted(found.values - set(range(num_classes)) - {void})
    if wrong:
        raise ValueError(
            f"{_place(found, wrong[0])}: the mask value {wrong[0]} is not the label "
            f"of a class: expected 0 to {num_classes - 1} for the {num_classes} "
            f"classes of {origin}, or {void} for void, but {found.describe()}. "
            f"{_remedy(found.values, 'correct the class list')}."
        )


def require_background(names: Collection[str], origin: str) -> None:
    """Raises ValueError if there is only one class name.

    All pixels, including the background, would belong to this class.

    Args:
      names: The class names.
      origin: Where the class names come from, for the error message.
    """
    if len(names) == 1:
        (name,) = names
        classes = option_text("data.classes", "background", name)
        raise ValueError(
            f"{origin} contains only the class {name!r}: expected at least two "
            "classes, because the pixels of the background need a class, too. Add the "
            f"name of the background, as in {classes}. If the "
            "mask value of the object is 255, also pass --data.labels 0/255. To ignore "
            "the background instead, pass --data.labels 0:void 255:0."
        )


def check_values(
    splits: Sequence[MaskValues],
    names: Collection[str],
    origin: str,
    *,
    option: str = NAMED_BY,
) -> None:
    """Checks that the values of masks are the labels of classes.

    Args:
      splits: The mask values of each split, with the number of pixels of each value.
      names: The class names, or () if the masks determine the classes.
      origin: Where the class names come from, for the error message.
      option: The option that sets the class names, for the error message.

    Raises:
      ValueError: If a value is not the label of a class. The message states the values
        in the masks, the number of their pixels, a file, and the remedy.
    """
    together = set().union(*(found.values for found in splits))
    void = void_of(len(names)) if names else counted_void(together)
    for found in splits if void == VOID else ():
        check_void(found, together)
    if names:
        for found in splits:
            check_classes(found, len(names), origin)
    else:
        check_contiguous(splits, together, option=option)


def _place(found: MaskValues, value: int) -> str:
    """Returns the first mask that contains a value."""
    return shown(found.first[value])


def check_void(found: MaskValues, together: set[int]) -> None:
    """Raises ValueError if it is unclear whether 255 means void or an object.

    Args:
      found: The mask values of one split.
      together: The mask values of all splits.
    """
    if found.only_ground is None or found.void_and_object:
        return
    labels = sorted(together - {VOID})
    what = found.describe()
    if found.values <= {0, VOID}:
        what += " and nothing else"
    else:
        what += ", and 255 occurs only in masks that otherwise contain only 0"
    if len(labels) <= 1:
        remedy = (
            "--data.labels 0/255 if 255 is the object, or --data.labels 0:0 255:void "
            "if 255 is void"
        )
    else:
        remedy = (
            f"--data.labels {_example(labels)} 255:void if 255 is void, or the same "
            "with its class number instead of void if 255 is an object"
        )
    raise ValueError(
        f"{shown(found.only_ground)}: the mask value 255 is ambiguous, because it can "
        f"be void or an object: {what}. Pass {remedy}."
    )


def check_contiguous(
    splits: Sequence[MaskValues], together: set[int], *, option: str = NAMED_BY
) -> None:
    """Raises ValueError unless the mask values are 0 to n - 1 without a gap.

    The ignore index, such as 255, does not count as a value. At least two values must
    occur (n > 1), and the masks of at least one split must contain all of them.

    Args:
      splits: The mask values of each split.
      together: The mask values of all splits.
      option: The option that sets the class names, for the error message.
    """
    void = counted_void(together)
    labels = sorted(together - {void})
    expected = list(range(len(labels)))
    if labels != expected:
        odd = next(v for v, k in zip(labels, expected, strict=True) if v != k)
        found = next(found for found in splits if odd in found.values)
        if odd < 0:
            remedy = "Save the masks with values of 0 or more"
        else:
            names = f"pass all class names with {option}"
            remedy = _remedy(together, names)
        raise ValueError(
            f"{_place(found, odd)}: the mask value {odd} leaves a gap: expected 0, 1, "
            f"2, ... without a gap (and {void} for void), because there is no class "
            f"list, but {found.describe()}. {remedy}."
        )
    require_few(len(labels), "The dataset")
    if labels and not any(found.values - {void} == set(labels) for found in splits):
        found = next(found for found in splits if labels[-1] in found.values)
        parts = "; ".join(each.describe() for each in splits)
        raise ValueError(
            f"{_place(found, labels[-1])}: the same class can have different "
            f"values in the splits. Expected one split with all values from 0 to "
            f"{labels[-1]}, because there is no class list, but {parts}. If a value is "
            f"the same class in all splits, pass all class names with {option}. "
            "Otherwise save the masks again with the same values in every split."
        )
    if len(labels) == 1:
        found = next(found for found in splits if 0 in found.values)
        raise ValueError(
            f"{_place(found, 0)}: class 0 is the only class in the masks: expected two "
            f"or more, but {found.describe()}. If other classes are absent from the "
            f"masks, pass all class names with {option}."
        )


def _remedy(values: set[int], otherwise: str) -> str:
    """States what to pass, or to do otherwise.

    A single value close to 255 after classes without a gap is more likely void under
    another number than a class.
    """
    labels = sorted(values - {VOID})
    if len(labels) > 2 and labels[-1] >= NEAR_VOID and labels[-2] == len(labels) - 2:
        *classes, last = labels
        void = f" {last}:void" + (" 255:void" if VOID in values else "")
        return (
            f"Pass --data.labels {_example(classes)}{void} if {last} is void, or "
            f"{last}:{len(classes)} in its place if it is a class, or {otherwise}"
        )
    if len(labels) > NOISE:
        return (
            "If compression or resizing created such values, save the masks as PNG "
            "without resizing; otherwise pass a label map with --data.labels, or "
            f"{otherwise}"
        )
    void = " 255:void" if VOID in values else ""
    return (
        "Pass the class (or void) of each value, such as --data.labels "
        f"{_example(labels)}{void}, or {otherwise}"
    )


def _example(values: Sequence[int]) -> str:
    pairs = [f"{value}:{k}" for k, value in enumerate(values)]
    if len(pairs) > EXAMPLE:
        pairs = [*pairs[: EXAMPLE - 2], "...", pairs[-1]]
    return " ".join(pairs)
