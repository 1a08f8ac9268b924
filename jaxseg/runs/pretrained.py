"""Starting a run from the weights of another one, for training in stages.

Weights belong to the normalization of the images that they were trained with, so a run
that starts from them takes the mean and the deviation of their run as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.checkpoints.compatibility import Shapes, difference, leaves
from jaxseg.checkpoints.finite import check_finite
from jaxseg.checkpoints.reading import stored_leaves
from jaxseg.checkpoints.steps import resolve
from jaxseg.checkpoints.verification import advising, read_arrays
from jaxseg.data import DatasetSpec
from jaxseg.runs.directory import CHECKPOINTS, read_config, read_spec
from jaxseg.runs.rules import invalid
from jaxseg.weights.translate.model_card import NAME as CARD
from jaxseg.weights.translate.model_card import read_card

OPTION = "train.init_from"
STATS = "batch_stats"
MODULES = 6  # a remedy names at most so many


class State(Protocol):
    """What is read here of a training state."""

    params: Any
    batch_stats: Any
    ema: Any

    def replace(self, **changes: Any) -> Self:
        """The state with other fields."""


def initialized(
    state: State,
    source: str | Path,
    *,
    fresh: Sequence[str] = (),
    verify: bool = True,
) -> State:
    """A new state with the parameters and statistics of a run's best checkpoint.

    Step, optimizer and random key stay those of the new run. Where the source keeps a
    moving average of its parameters, the average is taken.

    Args:
      state: The new state.
      source: The run directory to start from.
      fresh: Regular expressions on whole names such as "classifier/kernel": these
        parameters and statistics stay as they are in `state`.
      verify: Whether to compare the arrays with the digest stored with them.

    Raises:
      ValueError: when the source is no run, is damaged, holds values that are not
        finite, or has a network that does not fit. Then it names the option that starts
        the parameters in question anew.
    """
    with _named(source):
        averaged = read_config(source).train.ema is not None
    params = "ema" if averaged else "params"
    flat = flatten_dict({params: state.params, STATS: state.batch_stats}, sep="/")
    kept = _matching(flat, fresh)
    taken = {name: leaf for name, leaf in flat.items() if name not in kept}
    with _named(source), advising("move the damaged folder away to take it"):
        directory = _best(Path(source) / CHECKPOINTS, verify)
        stored = stored_leaves(directory)
        parts = {k: v for k, v in stored.items() if k.split("/")[0] in (params, STATS)}
        _check_fit(_without(parts, fresh), leaves(taken))
        template = unflatten_dict(taken, sep="/")
        arrays = read_arrays(directory, template, partial=True, verify=verify)
        check_finite(arrays, directory)
    filled = unflatten_dict({**flat, **flatten_dict(arrays, sep="/")}, sep="/")
    return state.replace(
        params=filled[params],
        batch_stats=filled.get(STATS, {}),
        ema=None if state.ema is None else jax.tree.map(np.copy, filled[params]),
    )


def source_spec(spec: DatasetSpec, source: str | Path) -> tuple[DatasetSpec, list[str]]:
    """The new data's specification with the normalization of the weights' run.

    Args:
      spec: Of the new data.
      source: The run directory whose weights start the run.

    Returns:
      The specification to train with, and one note for each difference to tell about.

    Raises:
      ValueError: when the weights expect channels in another order than RGB.
    """
    with _named(source):
        read_config(source)  # says in words when this is no run directory
        there, card = read_spec(source), Path(source) / CARD
        order = read_card(source).normalization.order if card.is_file() else "RGB"
    if order != "RGB":
        expected = f"weights for RGB images; {card} says {order}"
        raise ValueError(invalid(OPTION, str(source), expected))
    notes = []
    if (there.mean, there.std) != (spec.mean, spec.std):
        notes.append(
            f"{source} was trained with mean {there.mean} and deviation {there.std}; "
            f"the data have {spec.mean} and {spec.std}. The run uses those of {source}"
        )
    if there.classes != spec.classes and len(there.classes) == len(spec.classes):
        notes.append(
            f"{source} has the classes {', '.join(there.classes)}; the data have "
            f"{', '.join(spec.classes)}. The classifier starts from the former"
        )
    return dataclasses.replace(spec, mean=there.mean, std=there.std), notes


@contextlib.contextmanager
def _named(source: str | Path) -> Iterator[None]:
    """Names the option in errors about the source."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{OPTION}={str(source)!r} is invalid: {error}") from error


def _best(directory: Path, verify: bool) -> Path:
    if not directory.is_dir():
        raise ValueError(f"{directory} does not exist; nothing was saved there")
    return directory.absolute() / str(resolve(directory, "best", verify=verify))


def _matching(names: Any, fresh: Sequence[str]) -> set[str]:
    """Names, without their first part, that a pattern matches."""
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
    """Raises ValueError unless all arrays of the source have their place."""
    text = difference(stored, wanted)
    if not text:
        return
    names = {*stored, *wanted}
    wrong = {name for name in names if stored.get(name) != wanted.get(name)}
    parents = {name.partition("/")[2].rpartition("/")[0] for name in wrong}
    advice = "It is of another network, which cannot start this one"
    if len(parents) <= MODULES and 2 * len(wrong) <= len(names) and "" not in parents:
        patterns = " ".join(f"'{re.escape(name)}/.*'" for name in sorted(parents))
        advice = f"To start these parameters anew, add --train.init-fresh {patterns}"
    raise ValueError(f"its parameters do not fit ({text}). {advice}")
