"""Counts and describes packed labels, in which each class is one bit.

`jaxseg.data.label_bits` describes such labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxseg.data.builders.pairs_config import PairsConfig
from jaxseg.data.ignore_index import void_of
from jaxseg.data.label_bits import overlapping_void

NO_CLASS = "no class"  # The meaning of the packed label 0.


def void_value(config: PairsConfig, names: Sequence[str]) -> int:
    """Returns the ignore index of a dataset, which is the label of its void pixels.

    Args:
      config: The dataset.
      names: The class names.
    """
    if config.dataset.multilabel and names:
        return overlapping_void(len(names))
    return void_of(len(names))


def pixels_of_classes(packed: Mapping[int, int], num_classes: int) -> dict[int, int]:
    """Counts for each class the pixels in which it is present.

    A pixel with several classes counts for each of them. Absent classes are left out.

    Args:
      packed: A dictionary from each packed label, in which bit k stands for class k, to
        the number of pixels that have it.
      num_classes: The number of classes.

    Returns:
      A dictionary from the index of each class to its number of pixels.

    >>> pixels_of_classes({0: 4, 1: 2, 3: 5, 255: 1}, 2)
    {0: 7, 1: 5}
    """
    void = overlapping_void(num_classes)
    known = {value: count for value, count in packed.items() if value != void}
    found = {
        k: sum(count for value, count in known.items() if value >> k & 1)
        for k in range(num_classes)
    }
    return {k: count for k, count in found.items() if count}


def combination(packed: int, names: Sequence[str]) -> str:
    """Describes a packed label, in which bit k says whether class k is present.

    The result is the names of the present classes, "void" or "no class".

    >>> combination(3, ("cell", "nucleus")), combination(0, ("cell", "nucleus"))
    ('cell + nucleus', 'no class')
    """
    if packed == overlapping_void(len(names)):
        return "void"
    present = [name for k, name in enumerate(names) if packed >> k & 1]
    return " + ".join(present) or NO_CLASS
