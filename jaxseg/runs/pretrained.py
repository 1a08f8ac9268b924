"""Starts a run from the weights of another run, for training in stages.

Weights depend on the normalization of the images that they were trained with. A run
that starts from them therefore uses the mean and standard deviation of that run.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.checkpoints.adapters import ADAPTERS, merge_adapters, stored_adapters
from jaxseg.checkpoints.compatibility import Shapes, difference, leaves
from jaxseg.checkpoints.finite import check_finite
from jaxseg.checkpoints.reading import stored_leaves
from jaxseg.checkpoints.steps import resolve
from jaxseg.checkpoints.verification import advising, read_arrays
from jaxseg.config.wording import option_text
from jaxseg.data import DatasetSpec
from jaxseg.data.normalization import pixel_type
from jaxseg.data.spec import placeholder_classes
from jaxseg.runs.directory import CHANNELS, CHECKPOINTS, read_config, read_spec
from jaxseg.runs.rules import invalid
from jaxseg.weights.translate.input_channels import adapt_kernel_hwio

OPTION = "train.init_from"
STATS = "batch_stats"
MODULES = 6  # the largest number of modules that an error names


class State(Protocol):
    """Defines the attributes and methods of a training state that this module uses."""

    params: Any
    batch_stats: Any
    ema: Any

    def replace(self, **changes: Any) -> Self:
        """Returns a copy of the state in which the given fields have new values."""


def initialized(
    state: State,
    source: str | Path,
    *,
    fresh: Sequence[str] = (),
    verify: bool = True,
    channels: int = CHANNELS,
) -> State:
    """Initializes a training state with the weights of the best checkpoint of a run.

    The step, the optimizer state and the random key are those of the new run. If the
    source run keeps a moving average of its parameters, the average is used. Adapters
    of the source run are merged; those of the new run keep the values in `state`.

    Args:
      state: The initial training state of the new run.
      source: The run directory to start from.
      fresh: Regular expressions for whole parameter names such as "classifier/kernel".
        Matching parameters and statistics keep the values in `state`.
      verify: Whether to compare the arrays with the digest that was stored with them.
      channels: The number of channels of the images. If that of the source run differs,
        the kernels that read the image are adapted by the rule of
        `jaxseg.weights.translate.input_channels`.

    Returns:
      The training state with these weights.

    Raises:
      ValueError: If the source is not a run or is damaged, if it contains values that
        are not finite, or if its parameters do not fit the new network.
    """
    with named(source):
        averaged = read_config(source).train.ema is not None
        there = read_spec(source).channels
    params = "ema" if averaged else "params"
    flat = flatten_dict({params: state.params, STATS: state.batch_stats}, sep="/")
    own = {name for name in flat if name.startswith(f"{params}/{ADAPTERS}/")}
    kept = matching(flat, fresh) | own
    taken = {name: leaf for name, leaf in flat.items() if name not in kept}
    with named(source), advising("move the damaged folder away to take it"):
        directory = _best(Path(source) / CHECKPOINTS, verify)
        stored = stored_leaves(directory)
        adapters = _adapters(stored, params, taken)
        parts = _network_shapes(stored, params)
        first = _image_kernels(taken, parts, channels, there)
        _check_fit(_without(parts, fresh), leaves(taken | first))
        template = unflatten_dict(taken | first | adapters, sep="/")
        arrays = read_arrays(directory, template, partial=True, verify=verify)
        check_finite(arrays, directory)
    network = merge_adapters(arrays.get(params, {}))
    read = flatten_dict({**arrays, params: network}, sep="/")
    for name in first:
        read[name] = adapt_kernel_hwio(np.asarray(read[name]), channels)
    filled = unflatten_dict({**flat, **read}, sep="/")
    return state.replace(
        params=filled[params],
        batch_stats=filled.get(STATS, {}),
        ema=None if state.ema is None else jax.tree.map(np.copy, filled[params]),
    )


def _network_shapes(stored: Shapes, params: str) -> Shapes:
    """Returns the stored shapes of parameters and statistics, without adapters."""
    return {
        name: shape
        for name, shape in stored.items()
        if name.split("/")[0] in (params, STATS) and name.split("/")[1] != ADAPTERS
    }


def _adapters(
    stored: Shapes, params: str, taken: Mapping[str, Any]
) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes of the stored adapters of the layers that are taken, by path.

    Args:
      stored: The shapes of the stored arrays.
      params: The entry of the source's state that is read, "params" or "ema".
      taken: The parameters of the new network that are read, by name.
    """
    tree = {params: stored_adapters(stored, params)}
    found = {}
    for name, shape in flatten_dict(tree, sep="/").items():
        layer = name.replace(f"/{ADAPTERS}/", "/", 1).rpartition("/")[0]
        if f"{layer}/kernel" in taken:
            found[name] = shape
    return found


def _image_kernels(
    taken: Mapping[str, Any], stored: Shapes, channels: int, there: int
) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the stored shapes of kernels that read images with `there` channels.

    Args:
      taken: The parameters of the new network, by name.
      stored: The shapes of the stored parameters.
      channels: The number of channels of the new images.
      there: The number of channels of the images of the source run.
    """
    found = {}
    for name, leaf in taken.items():
        shape = tuple(np.shape(leaf))
        if len(shape) != 4 or shape[2] != channels or channels == there:
            continue
        before = (*shape[:2], there, shape[3])
        if tuple(stored.get(name, ())) == before:
            found[name] = jax.ShapeDtypeStruct(before, leaf.dtype)
    return found


def source_spec(spec: DatasetSpec, source: str | Path) -> tuple[DatasetSpec, list[str]]:
    """Returns a dataset specification with the image normalization of another run.

    Args:
      spec: The specification of the new data.
      source: The run directory whose weights start the run.

    Returns:
      A pair: the specification to train with, and a list with one sentence for each
      value of the normalization that changed.

    Raises:
      ValueError: If the weights expect channels in another order than RGB.
    """
    with named(source):
        read_config(source)  # This raises a clear error if it is not a run directory.
        there = read_spec(source)
    notes = []
    alike = pixel_type(there) == pixel_type(spec)
    if not alike:
        notes.append(
            f"{source} was trained on {pixel_type(there)}; the data have "
            f"{pixel_type(spec)}. The run uses the mean and the deviation of the data"
        )
    elif (there.mean, there.std) != (spec.mean, spec.std):
        notes.append(
            f"{source} was trained with mean {there.mean} and standard deviation "
            f"{there.std}; the data have {spec.mean} and {spec.std}. The run uses the "
            f"values of {source}"
        )
    same_count = len(there.classes) == len(spec.classes)
    unnamed = there.classes == placeholder_classes(len(there.classes))
    if there.classes != spec.classes and same_count and not unnamed:
        notes.append(
            f"{source} has the classes {', '.join(there.classes)}; the data have "
            f"{', '.join(spec.classes)}. The classifier starts from the weights of "
            f"{source}"
        )
    return spec.normalized_as(there) if alike else spec, notes


@contextlib.contextmanager
def named(source: str | Path) -> Iterator[None]:
    """Returns a context manager that adds the name `train.init_from` to errors.

    Args:
      source: The value of the option.

    Raises:
      ValueError: If the block raises an OSError or a ValueError.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{OPTION}={str(source)!r} is invalid: {error}") from error


def _best(directory: Path, verify: bool) -> Path:
    if not directory.is_dir():
        raise ValueError(f"expected a checkpoint in {directory}, but none was saved.")
    return directory.absolute() / str(resolve(directory, "best", verify=verify))


def matching(names: Any, fresh: Sequence[str]) -> set[str]:
    """Returns the set of those parameter names that at least one pattern matches.

    Args:
      names: Names of parameters and statistics, such as "params/classifier/kernel".
      fresh: Regular expressions that match whole names without their first part, such
        as "classifier/kernel".

    Raises:
      ValueError: If a pattern matches no name.
    """
    found = set()
    for pattern in fresh:
        hits = {n for n in names if re.fullmatch(pattern, n.partition("/")[2])}
        if not hits:
            shown = ", ".join(name.partition("/")[2] for name in list(names)[:3])
            expected = f"a pattern of at least one parameter, which are named {shown}"
            raise ValueError(invalid("train.init_fresh", pattern, expected))
        found |= hits
    return found


def _without(shapes: Shapes, fresh: Sequence[str]) -> Shapes:
    def starts_anew(name: str) -> bool:
        return any(re.fullmatch(pattern, name.partition("/")[2]) for pattern in fresh)

    return {name: shape for name, shape in shapes.items() if not starts_anew(name)}


def _check_fit(stored: Shapes, wanted: Shapes) -> None:
    """Raises ValueError unless the arrays of the source fit those of the network."""
    text = difference(stored, wanted)
    if not text:
        return
    names = {*stored, *wanted}
    wrong = {name for name in names if stored.get(name) != wanted.get(name)}
    parents = {name.partition("/")[2].rpartition("/")[0] for name in wrong}
    advice = "Choose a run of the same network."
    if len(parents) <= MODULES and 2 * len(wrong) <= len(names) and "" not in parents:
        patterns = [f"{re.escape(name)}/.*" for name in sorted(parents)]
        fresh = option_text("train.init-fresh", *patterns)
        advice = f"To initialize them at random, add {fresh}"
    raise ValueError(f"expected parameters that fit the network ({text}). {advice}")
