"""How many classes a checkpoint was trained for, from the shape of its last layer."""

from collections.abc import Mapping

import numpy as np

from jaxseg.weights.translate import transforms
from jaxseg.weights.translate.convert import flatten, translate
from jaxseg.weights.translate.rules import Rules


def count_classes(
    state_dict: Mapping[str, np.ndarray], rules: Rules, two, three
) -> int:
    """The number of classes of a state dict.

    Args:
        two: shapes of the model with two classes.
        three: shapes of the model with three; what grows by one is what is counted.

    Raises:
        ValueError: no tensor tells, or they disagree.
    """
    one, other = flatten(two), flatten(three)
    axes = {path: _grown(one[path].shape, other[path].shape) for path in one}
    found: dict[int, str] = {}
    for key, array in state_dict.items():
        path, transform = translate(key, rules)
        if axes.get(path) is None:
            continue
        transform = transform or transforms.default(path, array.ndim)
        shape = transforms.apply(transform, np.asarray(array)).shape
        more = shape[axes[path]] - one[path].shape[axes[path]]
        found.setdefault(2 + more, key)
    if len(found) != 1:
        told = {key: n for n, key in found.items()}
        raise ValueError(f"the number of classes is not clear ({told}); pass it")
    return next(iter(found))


def _grown(first: tuple[int, ...], second: tuple[int, ...]) -> int | None:
    """The one axis that is longer by one; None if there is no such axis."""
    grown = [
        i for i, (a, b) in enumerate(zip(first, second, strict=True)) if b == a + 1
    ]
    return grown[0] if len(grown) == 1 else None
