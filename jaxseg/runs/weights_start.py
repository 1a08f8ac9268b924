"""Starts a run from a weights file or from published weights of another library."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxseg.config.wording import option_text
from jaxseg.data import DatasetSpec
from jaxseg.runs.image_input import for_channels, for_rgb, rgb_variables, stated_input
from jaxseg.runs.pretrained import STATS, State, matching, named
from jaxseg.weights.catalog.detection import detect, part_of
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.formats import files
from jaxseg.weights.loading import Imported, is_native, read_into
from jaxseg.weights.published import table
from jaxseg.weights.translate.mismatch import Mismatch
from jaxseg.weights.translate.model_card import Normalization
from jaxseg.weights.translate.state_dict import unwrap

MODULES = 6  # the largest number of modules that an error names


def is_weights(source: str | Path) -> bool:
    """Returns whether a source is a file, a hub address or a name of published weights.

    Other sources are run directories.

    Args:
      source: The value of the option `train.init_from`.
    """
    text = os.fspath(source)
    if os.path.exists(text):
        return os.path.isfile(text)
    return text.startswith("hf://") or table.find(text) is not None


def initialized(
    state: State,
    source: str,
    model: nn.Module,
    *,
    fresh: Sequence[str] = (),
    channels: int = 3,
) -> State:
    """Initializes a training state with the weights of another library.

    If the weights are those of an image classifier, only the backbone is imported. The
    rest of the network keeps its random values.

    Args:
      state: The initial training state of the new run.
      source: A weights file, an `hf://` address, or a name of published weights.
      model: The network of the run.
      fresh: Regular expressions for whole parameter names such as "classifier/kernel".
        Matching parameters and statistics keep the values in `state`.
      channels: The number of channels of the images, to which the first convolution is
        adapted.

    Returns:
      The training state with these weights.

    Raises:
      ValueError: If the source cannot be read, or its weights do not fit the network.
    """
    flat = flatten_dict({"params": state.params, STATS: state.batch_stats}, sep="/")
    kept = matching(flat, fresh)
    with named(source):
        path = files.local(source)
        tree = files.read(path)
        imported = _imported(tree, path, model, kept, channels)
        order = _stated(tree, source, path)[0].order
        variables = rgb_variables(
            imported.variables,
            order,
            channels=channels,
            adapted=bool(imported.report.adapted),
        )
    read = flatten_dict(variables, sep="/")
    random = kept | set(imported.report.fresh)
    names = (read.keys() & flat.keys()) - random  # Adapters are not in the source.
    taken = {name: np.asarray(read[name]) for name in names}
    filled = unflatten_dict({**flat, **taken}, sep="/")
    params = filled["params"]
    return state.replace(
        params=params,
        batch_stats=filled.get(STATS, {}),
        ema=None if state.ema is None else jax.tree.map(np.copy, params),
    )


def source_spec(spec: DatasetSpec, source: str) -> tuple[DatasetSpec, list[str]]:
    """Returns a dataset specification with the image normalization of weights.

    Args:
      spec: The specification of the new data.
      source: A weights file, an `hf://` address, or a name of published weights.

    Returns:
      A pair: the specification to train with, and a list of sentences that tell the
      user which normalization the run uses and why.

    Raises:
      ValueError: If the source cannot be read.
    """
    with named(source):
        path = files.local(source)
        tree = files.read(path)
        if is_native(tree):
            return spec, [
                f"{source} does not state how images were normalized. The run uses the "
                "mean and the deviation of the data"
            ]
        stated, notes = _stated(tree, source, path)
        there, more = for_channels(for_rgb(stated), spec.channels)
    texts = [*notes, *more]
    if (there.mean, there.std) != (spec.mean, spec.std):
        texts.append(
            f"{source} was trained with mean {there.mean} and standard deviation "
            f"{there.std}; the data have {spec.mean} and {spec.std}. The run uses the "
            f"values of {source}"
        )
    return dataclasses.replace(spec, mean=there.mean, std=there.std), texts


def _imported(
    tree: Any, path: str, model: nn.Module, kept: set[str], channels: int
) -> Imported:
    """Imports weights, of an image classifier those of the backbone only."""
    trunk = not is_native(tree) and _kind(tree, path)[0].part == "backbone"
    missing = tuple(glob.escape(name.partition("/")[2]) for name in kept)
    try:
        return read_into(
            tree,
            model,
            part="backbone" if trunk else None,
            allow_missing=missing,
            channels=channels,
        )
    except Mismatch as error:
        raise ValueError(_misfit(error)) from error


def _kind(tree: Any, path: str) -> tuple[Source, Any]:
    """Returns the kind of a checkpoint, and the entries other than its state dict."""
    found = unwrap(tree, path, recognize=part_of)
    return detect(found.state, path), found.beside


def _stated(tree: Any, source: str, path: str) -> tuple[Normalization, tuple[str, ...]]:
    """Returns the normalization that weights expect, and notes for the user."""
    if is_native(tree):
        return Normalization(), ()
    kind, beside = _kind(tree, path)
    return stated_input(kind, beside, address=source, path=path)


def _misfit(error: Mismatch) -> str:
    """Returns a message with the option that initializes the parameters at random."""
    problems = error.problems
    wrong = {*problems.missing, *problems.misshaped, *problems.wrong_dtype}
    parents = sorted({path.partition("/")[2].rpartition("/")[0] for path in wrong})
    text = f"expected weights of the network ({problems.summary()})."
    if problems.unused or not parents or len(parents) > MODULES:
        return f"{text} Choose weights of the same network."
    fresh = option_text("train.init-fresh", *(f"{parent}/.*" for parent in parents))
    return f"{text} To initialize them at random, add {fresh}"
