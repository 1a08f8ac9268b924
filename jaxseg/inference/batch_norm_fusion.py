"""Folds batch normalizations into the convolutions before them, for inference.

norm(conv(x)) = f conv(x) + s with f = scale / sqrt(var + epsilon), s = bias - f mean.
The kernel is multiplied by f, so that the normalization only adds s. Tracing the
network once shows which convolution feeds which normalization, so module names do not
matter. A normalization that does not directly follow a convolution stays unchanged.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.ad_checkpoint import checkpoint_name

Path = tuple[str, ...]
_CONVOLUTIONS, _NORMS = ("Conv", "ConvTranspose"), ("Norm",)


@dataclasses.dataclass(frozen=True)
class Folded:
    """Contains a network whose batch normalizations are folded into convolutions.

    Attributes:
      apply: A jittable function (variables, image) -> outputs for inference.
      variables: The folded variables.
      count: The number of folded normalizations.
    """

    apply: Callable[[Mapping[str, Any], jax.Array], Mapping[str, jax.Array]]
    variables: dict[str, Any]
    count: int


def fuse_batch_norm(
    model: nn.Module, variables: Mapping[str, Any], *, channels: int = 3
) -> Folded:
    """Folds batch normalizations into the convolutions that they directly follow.

    The logits do not change, except for rounding.

    Args:
      model: A network of this library.
      variables: Its "params" and, if it has any, its "batch_stats". They are not
        modified.
      channels: The number of channels of the image.

    Returns:
      The network with folded variables.
    """
    pairs = _pairs(model, variables, channels)
    params = dict(flatten_dict(dict(variables["params"])))
    stats = dict(flatten_dict(dict(variables.get("batch_stats", {}))))
    for norm, (conv, epsilon) in pairs.items():
        scale, bias = (np.asarray(params.pop((*norm, k))) for k in ("scale", "bias"))
        mean, var = (np.asarray(stats.pop((*norm, k))) for k in ("mean", "var"))
        factor = scale / np.sqrt(var + epsilon)
        params[*norm, "bias"] = bias - mean * factor
        for leaf in ("kernel", "bias"):
            if (*conv, leaf) in params:
                params[*conv, leaf] = np.asarray(params[*conv, leaf]) * factor
    folded = {"params": unflatten_dict(params)}
    if stats:
        folded["batch_stats"] = unflatten_dict(stats)

    def only_add(call, args, kwargs, context):
        if not _is(context, _NORMS) or context.module.path not in pairs:
            return call(*args, **kwargs)
        (x, *_), bias = args, context.module.get_variable("params", "bias")
        return x + bias.astype(x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))

    def apply(variables, image):
        with nn.intercept_methods(only_add):
            return model.apply(variables, image, train=False)

    return Folded(apply, folded, len(pairs))


def _pairs(model, variables, channels) -> dict[Path, tuple[Path, float]]:
    """Maps each normalization that can be folded to its convolution and its epsilon.

    In every call, nothing but the normalization may read the output of the
    convolution. Any other reader, such as a dense connection, would see scaled values.
    """
    convolutions: list[Path] = []  # One entry per call.
    norms: list[tuple[Path, float]] = []

    def watch(call, args, kwargs, context):
        module = context.module
        if _is(context, _NORMS) and module.style.norm in ("batch", "frozen"):
            own = module.epsilon
            epsilon = module.style.epsilon if own is None else own
            args = (checkpoint_name(args[0], f"norm {len(norms)}"), *args[1:])
            norms.append((module.path, epsilon))
        result = call(*args, **kwargs)
        if _is(context, _CONVOLUTIONS):
            result = checkpoint_name(result, f"convolution {len(convolutions)}")
            convolutions.append(module.path)
        return result

    def trace(variables, image):
        with nn.intercept_methods(watch):
            return model.apply(variables, image, train=False)

    image = jax.ShapeDtypeStruct((1, 64, 64, channels), np.float32)
    program = jax.make_jaxpr(trace)(variables, image).jaxpr
    sources: dict[Path, list[Path | None]] = defaultdict(list)
    fed = dict(_sole_uses(program))
    for number, (path, _) in enumerate(norms):
        sources[path].append(convolutions[fed[number]] if number in fed else None)
    found = {}
    for path, epsilon in norms:
        source, uses = sources[path][0], len(sources[path])
        if source is None or set(sources[path]) != {source}:
            continue
        if convolutions.count(source) == uses:
            found[path] = (source, epsilon)
    return found


def _sole_uses(program) -> Iterator[tuple[int, int]]:
    """Yields the calls of a normalization and of the convolution that only it reads."""
    uses = Counter(id(v) for v in program.outvars)
    made: dict[int, int] = {}
    for equation in program.eqns:
        uses.update(id(v) for v in equation.invars)
        kind, _, number = str(equation.params.get("name", "")).partition(" ")
        if kind == "convolution":
            made[id(equation.outvars[0])] = int(number)
    for equation in program.eqns:
        kind, _, number = str(equation.params.get("name", "")).partition(" ")
        read = id(equation.invars[0]) if equation.invars else None
        if kind == "norm" and read in made and uses[read] == 1:
            yield int(number), made[read]
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_program):
            if _program(inner):
                yield from _sole_uses(getattr(inner, "jaxpr", inner))


def _program(value) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def _is(context, names) -> bool:
    named = type(context.module).__name__ in names
    return named and context.method_name == "__call__"
