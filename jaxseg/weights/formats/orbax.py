"""Reads and writes Orbax directories of variables."""

import logging
import pathlib

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.reading import STATE
from jaxseg.checkpoints.verification import advising, check

_COLLECTIONS = ("params", "batch_stats")
_PLACES = ("", "weights", "state", "default")  # converted, one step of a run, a manager


def find(path: str) -> pathlib.Path | None:
    """The Orbax checkpoint at or directly below a directory, the newest step of a run.

    A run's work directory is entered through ``ckpt`` and its highest step.
    """
    root = pathlib.Path(path).absolute()
    steps = [p for p in (root, root / "ckpt") if p.is_dir()]
    numbered = [p for s in steps for p in s.iterdir() if p.name.isdigit()]
    newest = sorted(numbered, key=lambda p: int(p.name))[-1:]
    for folder in (root, *newest):
        for place in _PLACES:
            if (folder / place / "_METADATA").is_file():
                return folder / place
    return None


def read(path: str, *, verify: bool = True) -> dict:
    """``{"params": ..., "batch_stats": ...}`` as NumPy arrays.

    Independent of the devices that wrote them; the rest of a train state is not read.

    Args:
        path: A checkpoint, a step of one, or a run directory.
        verify: Whether to compare the arrays with the digest of a run's step.

    Raises:
        ValueError: no checkpoint there, one without ``params``, or a damaged one.
    """
    folder = find(path)
    if folder is None:
        raise ValueError(f"{path} holds no Orbax checkpoint")
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        arrays = _restore(folder)
    except KeyError as error:
        raise ValueError(f"{folder} holds no {error}") from error
    except Exception as error:
        raise ValueError(f"{folder} cannot be read: {error}") from error
    if verify and folder.name == STATE:
        with advising(f"{folder.parent.parent}/{{step}} reads it"):
            check(folder.parent, arrays)
    return arrays


def _restore(folder: pathlib.Path) -> dict:
    with ocp.StandardCheckpointer() as reader:
        metadata = reader.metadata(folder)
    tree = getattr(metadata, "item_metadata", metadata)
    tree = dict(getattr(tree, "tree", tree))
    wanted = {name: tree[name] for name in _COLLECTIONS if name in tree}
    wanted["params"]
    template = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), wanted
    )
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


def write(path: str, variables) -> None:
    """Writes variables into a new directory.

    Raises:
        ValueError: the directory exists.
    """
    folder = pathlib.Path(path).absolute()
    if folder.exists():
        raise ValueError(f"{folder} exists")
    with ocp.StandardCheckpointer() as writer:
        writer.save(folder, jax.tree.map(np.asarray, dict(variables)))
