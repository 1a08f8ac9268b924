"""Reads and writes Orbax directories of variables."""

import logging
import math
import pathlib
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.reading import STATE
from jaxseg.checkpoints.steps import resolve, steps_in
from jaxseg.checkpoints.verification import advising, check
from jaxseg.text import printable

AVERAGE = "ema"  # of a train state: the moving average of its parameters
_PLACES = ("", "weights", "state", "default")  # converted, one step of a run, a manager
_RATIO = 200  # bytes of arrays for each byte of the directory ...
_FREE = 1 << 28  # ... beyond these: equal numbers compress well
_WEIGHTS = (".pth", ".pt", ".bin", ".safetensors", ".npz")


def find(path: str, *, verify: bool = True) -> pathlib.Path | None:
    """The Orbax checkpoint at or directly below a directory, or a run's best step.

    Args:
      path: A checkpoint, a step of one, or a run directory.
      verify: Whether to compare the scores of a run's steps with their digests.

    Raises:
      DamagedCheckpoint: The score of a step cannot be read or is changed.
    """
    root = pathlib.Path(path).absolute()
    for folder in (root, *_best_step(root, verify)):
        for place in _PLACES:
            if (folder / place / "_METADATA").is_file():
                return folder / place
    return None


def _best_step(root: pathlib.Path, verify: bool) -> list[pathlib.Path]:
    """The step that `jaxseg predict` takes of a run; empty where there are no steps."""
    for folder in (root / "ckpt", root):
        if steps_in(folder):
            return [folder / str(resolve(folder, "best", verify=verify))]
    return []


def read(path: str, *, verify: bool = True) -> dict:
    """`{"params": ..., "batch_stats": ...}` as NumPy arrays.

    Independent of the devices that wrote them. The rest of a train state is not read.
    Where a run keeps an exponential moving average of its parameters, "params" holds
    the average, which evaluation and prediction use as well.

    Args:
      path: A checkpoint, a step of one, or a run directory.
      verify: Whether to compare the arrays with the digest of a run's step.

    Raises:
      ValueError: There is no checkpoint, it lacks `params`, is damaged, or claims
        arrays that are much larger than the directory.
    """
    with advising(f"{path}/ckpt/{{step}} reads it"):
        folder = find(path, verify=verify)
    if folder is None:
        raise ValueError(f"{path} holds no Orbax checkpoint{_hint(pathlib.Path(path))}")
    storage = logging.getLogger("absl")
    storage.setLevel(max(storage.level, logging.ERROR))
    try:
        arrays = _restore(folder)
    except MemoryError:
        raise
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise ValueError(
            f"{folder} cannot be read ({type(error).__name__}: {printable(error)}); it "
            "is damaged or incomplete: copy it again, or use another step"
        ) from error
    if verify and folder.name == STATE:
        with advising(f"{folder.parent.parent}/{{step}} reads it"):
            check(folder.parent, arrays)
    if AVERAGE in arrays:
        arrays["params"] = arrays.pop(AVERAGE)
    return arrays


def _hint(folder: pathlib.Path) -> str:
    """The remedy: weight files that lie in the directory, to be named themselves."""
    files = sorted(p.name for p in folder.iterdir() if p.suffix in _WEIGHTS)
    if not files:
        return "; expected a work directory, or a directory that jaxseg convert wrote"
    shown = ", ".join(printable(name, limit=60) for name in files[:5])
    return f"; name the file: {shown}{', ...' if len(files) > 5 else ''}"


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
    """Shapes and types of the variables, as the metadata of the checkpoint has them."""
    with ocp.StandardCheckpointer() as reader:
        metadata = reader.metadata(folder)
    tree = getattr(metadata, "item_metadata", metadata)
    tree = dict(getattr(tree, "tree", tree))
    if "params" not in tree:
        raise ValueError("the checkpoint holds no 'params'")
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
            f"the directory has {size} bytes and its arrays claim {claimed}; at most "
            f"{allowed} are allowed"
        )


def write(path: str, variables) -> None:
    """Writes variables into a new directory.

    Raises:
      ValueError: The directory exists.
    """
    folder = pathlib.Path(path).absolute()
    if folder.exists():
        raise ValueError(f"{folder} exists; choose another directory")
    with ocp.StandardCheckpointer() as writer:
        writer.save(folder, jax.tree.map(np.asarray, dict(variables)))
