"""Converts a PyTorch state dict to variables by a table of rules, and back."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.weights.translate import transforms
from jaxseg.weights.translate.mismatch import Problems
from jaxseg.weights.translate.rules import Rules

Part = tuple[int, int] | None  # See `transforms.part`.


def convert(
    state_dict: Mapping[str, np.ndarray],
    rules: Rules,
    shapes,
    *,
    allow_missing: Iterable[str] = (),
    allow_unused: Iterable[str] = (),
) -> dict:
    """Converts a PyTorch state dict to the variables of a Flax model.

    Args:
      state_dict: Arrays by PyTorch name. Floats are cast to the type of the variable.
      rules: An import table (see `jaxseg.weights.translate.rules`).
      shapes: The result of `jax.eval_shape(model.init, ...)`, nested dicts by
        collection.
      allow_missing: Shell patterns of parameter paths, such as `"head/*"`, that the
        source need not contain. Paths do not begin with `params`. Missing parameters
        are absent from the result. A source tensor for such a path is also skipped if
        its shape does not fit.
      allow_unused: Shell patterns of source keys that may be left out because they
        match no rule or no variable of the model.

    Returns:
      The variables, in nested dicts like `shapes`.

    Raises:
      ValueError: If tensors are missing, unused, of another shape or mapped to the same
        variable. The message states the number of each.
    """
    want = flatten(shapes)
    read: dict[tuple[str, Part], np.ndarray | None] = {}
    problems = Problems()
    for key, array in state_dict.items():
        target, transform = translate(key, rules)
        if target is None and transform == "drop":
            continue
        place = (target or "", transforms.part(transform))
        if target not in want:
            if not _allowed(key, allow_unused):
                problems.unused.append(f"{key} -> {target}" if target else key)
        elif place in read:
            problems.doubled.append(f"{key} -> {target}")
        else:
            value = _fit(
                key,
                target=target,
                transform=transform,
                array=array,
                want=want[target],
                problems=problems,
            )
            read[place] = value
    found = _joined(read)
    _forgive(found, want=want, allow_missing=allow_missing, problems=problems)
    problems.raise_if_any(total=len(want))
    kept = {path: value for path, value in found.items() if value is not None}
    return unflatten_dict({tuple(path.split("/")): v for path, v in kept.items()})


def _joined(
    read: Mapping[tuple[str, Part], np.ndarray | None],
) -> dict[str, np.ndarray | None]:
    """Returns the variables by path, and joins those that came in parts.

    A variable of which a part is missing is left out. If a part does not fit, the
    variable is None.
    """
    whole = {path: value for (path, part), value in read.items() if part is None}
    pieces: dict[str, dict[int, np.ndarray | None]] = {}
    counts: dict[str, int] = {}
    for (path, part), value in read.items():
        if part is not None:
            pieces.setdefault(path, {})[part[0]] = value
            counts[path] = part[1]
    for path, values in pieces.items():
        ordered = [values[index] for index in sorted(values)]
        fitting = [value for value in ordered if value is not None]
        if len(fitting) < len(ordered):
            whole[path] = None
        elif len(ordered) == counts[path]:
            whole[path] = np.concatenate(fitting, axis=-1)
    return whole


def to_torch(variables, rules: Rules) -> dict[str, np.ndarray]:
    """Converts variables of a Flax model to a PyTorch state dict; inverts `convert`.

    Args:
      variables: The variables of a model.
      rules: The import table.

    Raises:
      ValueError: If the import table has no rule for a variable. The message names all
        such variables.
    """
    backward = [_backward(rule) for rule in rules if rule[1] is not None]
    state, lost = {}, []
    for path, value in flatten(variables).items():
        array, keys = np.asarray(value), _sources(path, backward, rules)
        if not keys:
            lost.append(path)
        for key, transform in keys.items():
            transform = transform or transforms.default(path, array.ndim)
            state[key] = np.asarray(transforms.invert(transform, array), order="C")
    if lost:
        raise ValueError(
            f"the import table is invalid: expected a rule for each of {len(lost)} "
            f"more variables: {', '.join(lost)}. Add rules for them."
        )
    return state


def translate(key: str, rules: Rules) -> tuple[str | None, str | None]:
    """Finds the variable to which an import table maps the tensor with a given name.

    Args:
      key: The name of a tensor in the source.
      rules: The import table.

    Returns:
      The path of the variable, and the conversion of the layout. The conversion is None
      if it follows from the rank of the tensor. A tensor that is left out gives (None,
      "drop"), and a name without a rule gives (None, None).
    """
    for source, target, *transform in rules:
        match = re.fullmatch(source, key)
        if match is None:
            continue
        if target is None:
            return None, "drop"
        return match.expand(target), transform[0] if transform else None
    return None, None


def flatten(tree) -> dict[str, Any]:
    """Flattens nested dicts to a dict such as `{"params/a/kernel": leaf}`.

    Args:
      tree: The nested dicts.
    """
    return {"/".join(path): leaf for path, leaf in flatten_dict(dict(tree)).items()}


def _fit(key, target, transform, array, want, problems) -> np.ndarray | None:
    """Converts an array to the target's layout and type, or records a problem."""
    array = np.asarray(array)
    transform = transform or transforms.default(target, array.ndim)
    if not _is_float(array.dtype) and _is_float(want.dtype):
        problems.wrong_dtype[target] = (
            f"{key} is {array.dtype}, but {target} is {want.dtype}"
        )
        return None
    try:
        value = transforms.apply(transform, array)
    except ValueError as error:
        problems.misshaped[target] = f"{key}: {error}"
        return None
    part = transforms.part(transform)
    shape = tuple(want.shape)
    if part is not None:
        shape = (*shape[:-1], shape[-1] // part[1])
    if value.shape != shape:
        problems.misshaped[target] = (
            f"{key} {array.shape} -> {target}: {value.shape}, but the model has {shape}"
        )
        return None
    return np.asarray(value, want.dtype, order="C")


def _forgive(found, want, allow_missing, problems) -> None:
    """Records absent paths as problems, except where they are allowed."""
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
    """Returns whether a type is a float type, including bfloat16."""
    return np.dtype(dtype).kind == "f" or np.dtype(dtype).name.startswith("bfloat")


def _backward(rule) -> tuple[re.Pattern, str, str | None]:
    r"""Returns the target pattern, the source template and the transform of a rule.

    The groups of the source move to the positions of `\1` in the target. Outside its
    groups the source is literal.
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


def _sources(path, backward, rules) -> dict[str, str | None]:
    """Finds the key that leads to `path`, or the keys of all its parts.

    Each key is checked by translating it forwards. The values are the transforms.
    """
    found: dict[str, str | None] = {}
    for pattern, template, transform in backward:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        key, part = _fill(template, match.groupdict()), transforms.part(transform)
        target, forward = translate(key, rules)
        if target != path or transforms.part(forward) != part:
            continue
        if part is None:
            return found or {key: transform}
        found[key] = transform
    return found


def _fill(template: str, groups: Mapping[str, str]) -> str:
    key = re.sub(r"\x00(\d+)\x00", lambda m: groups.get(f"g{m[1]}", ""), template)
    return re.sub(r"\\(.)", r"\1", key)
