"""When mask values are the labels of classes without being told so.

Without a label map (`data.labels`) a mask holds the numbers of classes, and 255 where
there is none. Nothing is inferred from values that may mean something else. Each split
is checked for itself:

- With a class list of n names, all values are 0 to n - 1 or 255. Classes may be absent.
- Without one, the values of all splits together are 0, 1, ... without a gap, and 255.
- 255 may be void, or the object of a binary mask. It counts as void if a mask holds it
  beside a class other than 0. A split that holds only 0 and 255 is refused, and so is
  one in which every mask with 255 holds nothing else but 0.
- A class list of one name is refused: that class would be the background.

A label map replaces all of these rules by its own: every value is listed in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_values import MaskValues
from jaxseg.data.spec import VOID

NOISE = 32  # more values than this look like compression or interpolation
EXAMPLE = 6  # pairs of an example in a message


def check_listed(found: MaskValues, labels: LabelMap) -> None:
    """Raises ValueError for a value that a label map does not list."""
    missing = sorted(found.values - set(labels.values))
    if missing:
        raise ValueError(
            f"{_place(found, missing[0])}: the mask value {missing[0]} is not in the "
            f"label map {labels}: {found.describe()}; add {missing[0]}:CLASS or "
            f"{missing[0]}:void to data.labels."
        )


def check_classes(found: MaskValues, num_classes: int, origin: str) -> None:
    """Raises ValueError for a value that is neither a label of a class nor void."""
    wrong = sorted(found.values - set(range(num_classes)) - {VOID})
    if wrong:
        raise ValueError(
            f"{_place(found, wrong[0])}: the mask value {wrong[0]} is not the label "
            f"of a class: {found.describe()}, and the {num_classes} classes of "
            f"{origin} have the labels 0 to {num_classes - 1} (255 is void); "
            f"{_remedy(found.values, 'correct the class list')}."
        )


def require_background(names: Collection[str], origin: str) -> None:
    """Raises ValueError for a class list that would call the background an object."""
    if len(names) == 1:
        (name,) = names
        raise ValueError(
            f"{origin} names the class {name!r} alone, and the background would be "
            f"that class: name both, such as background {name} (with --data.labels "
            "0/255 if 255 is the object), or say what is not the background, such as "
            "--data.labels 0:void 255:0."
        )


def check_values(
    splits: Sequence[MaskValues], names: Collection[str], origin: str
) -> None:
    """Checks that the values of masks are the labels of classes.

    Args:
      splits: The values of each split.
      names: Class names, or () to count the classes.
      origin: Where the class names come from.

    Raises:
      ValueError: Saying which values were found, how often and where, and the remedy.
    """
    together = set().union(*(found.values for found in splits))
    for found in splits:
        _check_void(found, together)
    if names:
        for found in splits:
            check_classes(found, len(names), origin)
    else:
        _check_contiguous(splits, together)


def _place(found: MaskValues, value: int) -> str:
    """The first mask that holds a value."""
    return shown(found.first[value])


def _check_void(found: MaskValues, together: set[int]) -> None:
    if found.only_ground is None or found.void_and_object:
        return
    labels = sorted(together - {VOID})
    what = found.describe()
    if found.values <= {0, VOID}:
        what += " alone"
    else:
        what += ", but 255 only in masks that hold nothing else but 0"
    if len(labels) <= 1:
        remedy = (
            "--data.labels 0/255 if 255 is the object, or 0:0 255:void if it is void"
        )
    else:
        remedy = (
            f"--data.labels {_example(labels)} 255:void if 255 is void, or write the "
            "class that it stands for in place of void"
        )
    raise ValueError(
        f"{shown(found.only_ground)}: 255 may be void or an object, as {what}; pass "
        f"{remedy}."
    )


def _check_contiguous(splits: Sequence[MaskValues], together: set[int]) -> None:
    labels = sorted(together - {VOID})
    expected = list(range(len(labels)))
    if labels != expected:
        odd = next(v for v, k in zip(labels, expected, strict=True) if v != k)
        found = next(found for found in splits if odd in found.values)
        if odd < 0:
            remedy = "save the masks with values from 0"
        else:
            names = "name all classes by --data.classes or classes.txt"
            remedy = _remedy(together, names)
        raise ValueError(
            f"{_place(found, odd)}: the mask value {odd} does not follow from the "
            f"others: {found.describe()}; without a class list 0, 1, 2, ... without a "
            f"gap are expected (255 is void); {remedy}."
        )
    if len(labels) == 1:
        found = next(found for found in splits if 0 in found.values)
        raise ValueError(
            f"{_place(found, 0)}: no mask holds a class but 0: {found.describe()}; "
            "name all classes by --data.classes or classes.txt if others are absent."
        )


def _remedy(values: set[int], otherwise: str) -> str:
    labels = sorted(values - {VOID})
    if len(labels) > NOISE:
        return (
            "if compression or resizing made up such values, save the masks as PNG "
            f"without either; else pass a label map by --data.labels, or {otherwise}"
        )
    void = " 255:void" if VOID in values else ""
    return (
        "pass the class (or void) of each value, such as --data.labels "
        f"{_example(labels)}{void}, or {otherwise}"
    )


def _example(values: Sequence[int]) -> str:
    pairs = [f"{value}:{k}" for k, value in enumerate(values)]
    if len(pairs) > EXAMPLE:
        pairs = [*pairs[: EXAMPLE - 2], "...", pairs[-1]]
    return " ".join(pairs)
