"""Classes and image channels of a checkpoint, from the shapes of its tensors."""

from collections.abc import Mapping

import numpy as np

from jaxseg.weights.translate import transforms
from jaxseg.weights.translate.convert import flatten, translate
from jaxseg.weights.translate.refused import Refused, Remedy
from jaxseg.weights.translate.rules import Rules


def count_classes(
    state_dict: Mapping[str, np.ndarray], rules: Rules, two, three
) -> int:
    """The number of classes of a state dict.

    Args:
      state_dict: Arrays by the source's names.
      rules: The import table.
      two: Shapes of the model with two classes.
      three: Shapes of the model with three; what grows by one is what is counted.

    Raises:
      ValueError: No tensor tells, or they disagree.
    """
    found = _counted(state_dict, rules, two, three, by=1)
    if len(found) != 1:
        told = ", ".join(f"{n} by {key}" for n, key in found.items()) or "no tensor"
        raise Refused(
            f"the number of classes is not clear from the weights ({told})",
            [Remedy("num_classes", "21", "states it")],
        )
    return 2 + next(iter(found))


def image_channels(
    state_dict: Mapping[str, np.ndarray], rules: Rules, three, five
) -> int | None:
    """How many channels the images have that a state dict's network sees.

    Args:
      state_dict: Arrays by the source's names.
      rules: The import table.
      three: Shapes of the model for images of three channels.
      five: Shapes of the model for five; what grows by two is what is counted.

    Returns:
      The number; None where no tensor tells, or they disagree.
    """
    found = _counted(state_dict, rules, three, five, by=2)
    return 3 + next(iter(found)) if len(found) == 1 else None


def _counted(state_dict, rules: Rules, small, large, *, by: int) -> dict[int, str]:
    """By how much the tensors exceed the small model on the axis that grows."""
    one, other = flatten(small), flatten(large)
    axes = {path: _grown(one[path].shape, other[path].shape, by) for path in one}
    found: dict[int, str] = {}
    for key, array in state_dict.items():
        path, transform = translate(key, rules)
        axis = axes.get(path)
        if axis is None or array.ndim != len(one[path].shape):
            continue
        transform = transform or transforms.default(path, array.ndim)
        shape = transforms.apply(transform, np.asarray(array)).shape
        found.setdefault(shape[axis] - one[path].shape[axis], key)
    return found


def _grown(first: tuple[int, ...], second: tuple[int, ...], by: int) -> int | None:
    """The one axis that is longer by so much; None if there is no such axis."""
    pairs = enumerate(zip(first, second, strict=True))
    grown = [axis for axis, (short, long) in pairs if long == short + by]
    return grown[0] if len(grown) == 1 else None
