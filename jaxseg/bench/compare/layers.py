"""Finds the first layer whose output differs between a PyTorch network and its import.

The rules that import the checkpoint also tell which layers correspond. For example, if
they map the tensor `backbone.conv1.weight` to the variable
`params/backbone/stem/conv1/conv/kernel`, then the torch module `backbone.conv1` and the
linen module `backbone/stem/conv1/conv` must have equal outputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jaxseg.bench.compare.pair import Pair
from jaxseg.runs.conversion import run_variables
from jaxseg.weights.translate.convert import translate

_MOST = 128  # The largest side of the image with which the layer is searched.


@dataclasses.dataclass(frozen=True)
class Layer:
    """Describes a layer, and how much its outputs in PyTorch and jaxseg differ.

    Attributes:
      theirs: The name of the torch module.
      ours: The path of the linen module.
      difference: The largest difference of the outputs, relative to the largest output.
      weights: Whether the weights of the layer differ as well.
    """

    theirs: str
    ours: str
    difference: float
    weights: bool = False

    def __str__(self) -> str:
        cause = (
            "its weights differ"
            if self.weights
            else "its weights are equal, so an option of the network differs"
        )
        return f"{self.theirs} ({self.ours} in jaxseg); {cause}"


def changed_variables(pair: Pair) -> tuple[str, ...]:
    """Returns the paths of the variables in jaxseg that differ from the checkpoint.

    A variable that only jaxseg or only the checkpoint contains is among them.

    Args:
      pair: The original network and its import in jaxseg.
    """
    want, got = (
        flatten_dict(dict(tree), sep="/")
        for tree in (run_variables(pair.conversion), pair.variables)
    )
    return tuple(
        path
        for path in sorted(want.keys() | got.keys())
        if path not in want
        or path not in got
        or not np.array_equal(np.asarray(want[path]), np.asarray(got[path]))
    )


def first_different(pair: Pair, inputs: np.ndarray, tolerance: float) -> Layer | None:
    """Returns the first layer, in the order of execution, whose output differs.

    Args:
      pair: The original network and its import in jaxseg.
      inputs: A normalized RGB image, float32 [1, H, W, C]. A part of it is tried first.
      tolerance: The largest difference at which two outputs agree, as a fraction of the
        largest output.

    Returns:
      A `Layer`, which states how much the outputs differ, or None if the outputs of all
      corresponding layers agree.
    """
    part = inputs[:, :_MOST, :_MOST]
    fixed = "image_size" in pair.conversion.network.config.model.options
    for image in [inputs] if fixed or part.shape == inputs.shape else [part, inputs]:
        found = next(_differing(pair, image, tolerance), None)
        if found is not None:
            return found
    return None


def _differing(pair: Pair, inputs: np.ndarray, tolerance: float) -> Iterator[Layer]:
    ours = _our_outputs(pair, inputs)
    changed = changed_variables(pair)
    partners = _partners(pair)
    for theirs, want in _their_outputs(pair, inputs, set(partners)):
        path = partners[theirs]
        got = ours.get(path)
        if got is None or got.shape != want.shape:
            continue  # The other formulation has no output of this shape.
        difference = np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)
        if not difference <= tolerance:
            weights = any(
                name.partition("/")[2].startswith(f"{path}/") for name in changed
            )
            yield Layer(theirs, path, float(difference), weights)


def _partners(pair: Pair) -> dict[str, str]:
    """Maps the name of each torch module with weights to the path of its partner."""
    rules = pair.conversion.imported.source.rules
    found = {}
    for key in pair.conversion.imported.found.state:
        target, _ = translate(key, rules)
        if target is not None:
            module = target.partition("/")[2].rpartition("/")[0]
            found.setdefault(key.rpartition(".")[0], module)
    return found


def _our_outputs(pair: Pair, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the first output of each linen module as float32 arrays by path."""
    model = pair.network.model

    @jax.jit
    def run(variables: Any, image: Any) -> Any:
        _, state = model.apply(
            variables,
            image,
            train=False,
            capture_intermediates=True,
            mutable=["intermediates"],
        )
        return state["intermediates"]

    with jax.default_matmul_precision("highest"):
        flat = flatten_dict(run(pair.variables, inputs), sep="/")
    return {
        path.removesuffix("/__call__"): np.asarray(outputs[0], np.float32)
        for path, outputs in flat.items()
        if isinstance(outputs[0], jax.Array)
    }


def _their_outputs(
    pair: Pair, inputs: np.ndarray, wanted: set[str]
) -> list[tuple[str, np.ndarray]]:
    """Returns the outputs of torch modules in the order in which they ran, as NHWC."""
    outputs: dict[str, np.ndarray] = {}

    def keep(name: str):
        def hook(module, arguments, result):
            if name not in outputs and hasattr(result, "detach"):
                array = result.detach().float().numpy().copy()  # ReLU works in place.
                four = array.ndim == 4
                outputs[name] = array.transpose(0, 2, 3, 1) if four else array

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in pair.original.net.named_modules()
        if name in wanted
    ]
    try:
        pair.original_logits(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return list(outputs.items())
