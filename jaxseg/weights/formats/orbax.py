"""Reads and writes Orbax directories of variables."""

import logging
import math
import pathlib
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.adapters import merge_adapters
from jaxseg.checkpoints.reading import STATE
from jaxseg.checkpoints.steps import resolve, steps_in
from jaxseg.checkpoints.verification import advising, check
from jaxseg.text import printable

AVERAGE = "ema"  # The moving average of the parameters in a train state.
_PLACES = ("", "weights", "state", "default")  # Writers use one of these folders.
_RATIO = 200  # The most bytes of arrays per byte of the directory, ...
_FREE = 1 << 28  # ... above this size. Equal numbers compress well.
_WEIGHTS = (".pth", ".pt", ".bin", ".safetensors", ".npz")


def find(path: str, *, verify: bool = True) -> pathlib.Path | None:
    """Finds the Orbax checkpoint in a directory.

    In the directory of a training run, it is the checkpoint of the training step with
    the highest mean IoU.

    Args:
      path: An Orbax checkpoint, the folder of one training step, or the directory of a
        training run.
      verify: Whether the scores that select the step of a run are compared with their
        stored digests.

    Returns:
      The folder of the checkpoint, or None.

    Raises:
      DamagedCheckpoint: If the score of a step cannot be read or has changed.
    """
    root = pathlib.Path(path).absolute()
    for folder in (root, *_best_step(root, verify)):
        for place in _PLACES:
            if (folder / place / "_METADATA").is_file():
                return folder / place
    return None


def _best_step(root: pathlib.Path, verify: bool) -> list[pathlib.Path]:
    """Returns the step of a run that `jaxseg predict` uses, if there are steps."""
    for folder in (root / "ckpt", root):
        if steps_in(folder):
            return [folder / str(resolve(folder, "best", verify=verify))]
    return []


def read(path: str, *, verify: bool = True) -> dict:
    """Reads the variables of a network from an Orbax directory as NumPy arrays.

    The result is `{"params": ..., "batch_stats": ...}`. It does not depend on the
    devices that wrote the arrays. The rest of a train state is not read. If a run keeps
    an exponential moving average of its parameters, "params" contains the average,
    which evaluation and prediction use as well. Low-rank adapters (LoRA) are merged
    with the layers to which they belong.

    Args:
      path: An Orbax checkpoint, the folder of one training step, or the directory of a
        training run.
      verify: Whether the arrays are compared with the digest that the run stored.

    Raises:
      ValueError: If there is no checkpoint, or if the checkpoint does not contain
        `params`, is damaged, or states array sizes far above the size of the directory.
    """
    with advising(f"{path}/ckpt/{{step}} reads it"):
        folder = find(path, verify=verify)
    if folder is None:
        raise ValueError(
            f"{path} is invalid: expected an Orbax "
            f"checkpoint{_hint(pathlib.Path(path))}"
        )
    storage = logging.getLogger("absl")
    storage.setLevel(max(storage.level, logging.ERROR))
    try:
        arrays = _restore(folder)
    except MemoryError:
        raise
    except Exception as error:  # Orbax and TensorStore raise many kinds.
        raise ValueError(
            f"{folder} is damaged or incomplete and cannot be read "
            f"({type(error).__name__}: {printable(error)}). Copy it again, or use "
            "another step."
        ) from error
    if verify and folder.name == STATE:
        with advising(f"{folder.parent.parent}/{{step}} reads it"):
            check(folder.parent, arrays)
    if AVERAGE in arrays:
        arrays["params"] = arrays.pop(AVERAGE)
    arrays["params"] = merge_adapters(arrays["params"])
    return arrays


def _hint(folder: pathlib.Path) -> str:
    """Names the remedy, which is to pass a weight file in the directory if there is
    one.
    """
    files = sorted(p.name for p in folder.iterdir() if p.suffix in _WEIGHTS)
    if not files:
        return ". Pass a run directory, or a directory that jaxseg convert wrote."
    shown = ", ".join(printable(name, limit=60) for name in files[:5])
    return f". Pass one of its files: {shown}{', ...' if len(files) > 5 else ''}."


def _restore(folder: pathlib.Path) -> dict:
    template = _template(folder)
    _check_size(folder, template)
    arguments = jax.tree.map(
        lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype),
        template,
    )
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        return reader.restore(
            folder,
            args=ocp.args.PyTreeRestore(
                item=template, restore_args=arguments, partial_restore=True
            ),
        )


def _template(folder: pathlib.Path) -> dict[str, Any]:
    """Returns shapes and types of the variables from the metadata of the checkpoint."""
    with ocp.StandardCheckpointer() as reader:
        metadata = reader.metadata(folder)
    tree = getattr(metadata, "item_metadata", metadata)
    tree = dict(getattr(tree, "tree", tree))
    if "params" not in tree:
        raise ValueError(
            "the checkpoint is invalid: expected the key 'params' with the parameters "
            "of a network"
        )
    collections = (AVERAGE if tree.get(AVERAGE) else "params", "batch_stats")
    wanted = {name: tree[name] for name in collections if name in tree}
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), wanted
    )


def _check_size(folder: pathlib.Path, template: dict[str, Any]) -> None:
    leaves = jax.tree.leaves(template)
    claimed = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    allowed = max(_FREE, _RATIO * size)
    if claimed > allowed:
        raise ValueError(
            f"the arrays need {claimed} bytes: expected at most {allowed} for a "
            f"directory of {size} bytes"
        )


def write(path: str, variables) -> None:
    """Writes the variables of a model into a new Orbax directory.

    Args:
      path: The directory to create.
      variables: The variables of a model.

    Raises:
      ValueError: If the directory exists.
    """
    folder = pathlib.Path(path).absolute()
    if folder.exists():
        raise ValueError(
            f"{folder} is invalid: expected a new directory, but it exists. Choose "
            "another one."
        )
    with ocp.StandardCheckpointer() as writer:
        writer.save(folder, jax.tree.map(np.asarray, dict(variables)))
