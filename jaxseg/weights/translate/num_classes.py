"""Infers the numbers of classes and image channels from the shapes of tensors."""

from collections.abc import Mapping

import numpy as np

from jaxseg.weights.translate import transforms
from jaxseg.weights.translate.convert import flatten, translate
from jaxseg.weights.translate.refused import Refused, Remedy
from jaxseg.weights.translate.rules import Rules


def count_classes(
    state_dict: Mapping[str, np.ndarray], rules: Rules, two, three
) -> int:
    """Infers the number of classes of a state dict.

    Args:
      state_dict: Arrays by the source's names.
      rules: The import table.
      two: The shapes of the model with two classes.
      three: The shapes of the model with three classes. The length of an axis depends
        on the number of classes if it is greater by one than in `two`.

    Raises:
      ValueError: If no tensor shows the number, or if tensors show different numbers.
    """
    found = _counted(state_dict, rules=rules, small=two, large=three, by=1)
    if len(found) != 1:
        shown = ", ".join(f"{2 + n} in {key}" for n, key in found.items())
        told = shown or "no tensor shows it"
        raise Refused(
            f"the number of classes cannot be inferred from the weights ({told}).",
            [Remedy("num_classes", "21", "state that there are 21 classes")],
        )
    return 2 + next(iter(found))


def image_channels(
    state_dict: Mapping[str, np.ndarray], rules: Rules, three, five
) -> int | None:
    """Infers the number of image channels of a state dict.

    Args:
      state_dict: Arrays by the source's names.
      rules: The import table.
      three: The shapes of the model for images of three channels.
      five: The shapes of the model for images of five channels. The length of an axis
        depends on the number of channels if it is greater by two than in `three`.

    Returns:
      The number of channels, or None if no tensor shows it or if tensors show different
      numbers.
    """
    found = _counted(state_dict, rules=rules, small=three, large=five, by=2)
    return 3 + next(iter(found)) if len(found) == 1 else None


def _counted(state_dict, rules: Rules, small, large, *, by: int) -> dict[int, str]:
    """Returns how much larger the tensors are than the small model on its growing
    axes.
    """
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
    """Returns the only axis that grows by `by`, or None."""
    pairs = enumerate(zip(first, second, strict=True))
    grown = [axis for axis, (short, long) in pairs if long == short + by]
    return grown[0] if len(grown) == 1 else None
