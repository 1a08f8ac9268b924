"""Applies an import table to a state dict, and reads the table backwards."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.weights.translate import transforms
from jaxseg.weights.translate.mismatch import Problems
from jaxseg.weights.translate.rules import Rules


def convert(
    state_dict: Mapping[str, np.ndarray],
    rules: Rules,
    shapes,
    *,
    allow_missing: Iterable[str] = (),
    allow_unused: Iterable[str] = (),
) -> dict:
    """Variables with the layout of `shapes`, filled from a PyTorch state dict.

    Args:
      state_dict: Arrays by PyTorch name; any float dtype, cast to the target's.
      rules: An import table (see `jaxseg.weights.translate.rules`).
      shapes: `jax.eval_shape(model.init, ...)`, nested dicts by collection.
      allow_missing: Shell patterns of parameter paths without collection
        (`"head/*"`) that the source need not hold; they are absent from the
        result, and a tensor whose shape does not fit there is left out.
      allow_unused: Shell patterns of source keys that may match no rule or target.

    Raises:
      ValueError: Naming every missing, unused, mis-shaped and doubly written entry.
    """
    want = flatten(shapes)
    found: dict[str, np.ndarray] = {}
    problems = Problems()
    for key, array in state_dict.items():
        target, transform = translate(key, rules)
        if target is None and transform == "drop":
            continue
        if target not in want:
            if not _allowed(key, allow_unused):
                problems.unused.append(f"{key} -> {target}" if target else key)
        elif target in found:
            problems.doubled.append(f"{key} -> {target}")
        else:
            value = _fit(key, target, transform, array, want[target], problems)
            found[target] = value
    _forgive(found, want, allow_missing, problems)
    problems.raise_if_any(total=len(want))
    kept = {path: value for path, value in found.items() if value is not None}
    return unflatten_dict({tuple(path.split("/")): v for path, v in kept.items()})


def to_torch(variables, rules: Rules) -> dict[str, np.ndarray]:
    """The PyTorch state dict of `variables`: `convert` backwards, exactly.

    Raises:
      ValueError: Naming every variable that no rule leads to.
    """
    backward = [_backward(rule) for rule in rules if rule[1] is not None]
    state, lost = {}, []
    for path, value in flatten(variables).items():
        key, transform = _source(path, backward, rules)
        if key is None:
            lost.append(path)
            continue
        array = np.asarray(value)
        transform = transform or transforms.default(path, array.ndim)
        state[key] = np.asarray(transforms.invert(transform, array), order="C")
    if lost:
        raise ValueError(f"no rule leads to {len(lost)} variables: {', '.join(lost)}")
    return state


def translate(key: str, rules: Rules) -> tuple[str | None, str | None]:
    """(target, transform) of a source key; (None, "drop") left out, (None, None) none.

    The transform is None where the rule leaves it to the tensor's rank.
    """
    for source, target, *transform in rules:
        match = re.fullmatch(source, key)
        if match is None:
            continue
        if target is None:
            return None, "drop"
        return match.expand(target), transform[0] if transform else None
    return None, None


def flatten(tree) -> dict[str, object]:
    """Nested dicts to `{"params/a/kernel": leaf}`."""
    return {"/".join(path): leaf for path, leaf in flatten_dict(dict(tree)).items()}


def _fit(key, target, transform, array, want, problems) -> np.ndarray | None:
    """The array in our layout and dtype; None, and a note, where it does not fit."""
    array = np.asarray(array)
    transform = transform or transforms.default(target, array.ndim)
    if not _is_float(array.dtype) and _is_float(want.dtype):
        problems.wrong_dtype[target] = f"{key} is {array.dtype}, {target} {want.dtype}"
        return None
    try:
        value = transforms.apply(transform, array)
    except ValueError as error:
        problems.misshaped[target] = f"{key}: {error}"
        return None
    if value.shape != tuple(want.shape):
        problems.misshaped[target] = (
            f"{key} {array.shape} -> {target}: {value.shape}, "
            f"the model has {tuple(want.shape)}"
        )
        return None
    return np.asarray(value, want.dtype, order="C")


def _forgive(found, want, allow_missing, problems) -> None:
    """Files what is absent under `problems`, except where that is allowed."""
    for path in want:
        allowed = _allowed(path.partition("/")[2], allow_missing)
        if allowed:
            problems.misshaped.pop(path, None)
            problems.wrong_dtype.pop(path, None)
        elif path not in found:
            problems.missing.append(path)


def _allowed(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_float(dtype) -> bool:
    """True for float dtypes, bfloat16 (which numpy calls void-like) included."""
    return np.dtype(dtype).kind == "f" or np.dtype(dtype).name.startswith("bfloat")


def _backward(rule) -> tuple[re.Pattern, str, str | None]:
    r"""(target regex, source template, transform) of a rule.

    The groups of the source move into the target where `\1` stands; outside its
    groups the source is taken literally.
    """
    source, target, *transform = rule
    groups = _GROUP.findall(source)
    seen: set[int] = set()

    def reference(match: re.Match) -> str:
        number = int(match[1])
        if number in seen:
            return f"(?P=g{number})"
        seen.add(number)
        return f"(?P<g{number}>{groups[number - 1]})"

    parts = re.split(r"(\\\d)", target)
    pattern = "".join(
        re.sub(r"\\(\d)", reference, p) if re.fullmatch(r"\\\d", p) else re.escape(p)
        for p in parts
    )
    numbers = iter(range(1, len(groups) + 1))
    template = _GROUP.sub(lambda _: f"\x00{next(numbers)}\x00", source)
    return re.compile(pattern), template, transform[0] if transform else None


_GROUP = re.compile(r"\((?!\?)([^()]*)\)")


def _source(path, backward, rules) -> tuple[str | None, str | None]:
    """The key that the table leads to `path`, checked by going forward again."""
    for pattern, template, transform in backward:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        key = _fill(template, match.groupdict())
        if translate(key, rules)[0] == path:
            return key, transform
    return None, None


def _fill(template: str, groups: Mapping[str, str]) -> str:
    key = re.sub(r"\x00(\d+)\x00", lambda m: groups.get(f"g{m[1]}", ""), template)
    return re.sub(r"\\(.)", r"\1", key)
