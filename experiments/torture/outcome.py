"""What a command leaves in a folder, in a form in which two folders can be compared."""

import hashlib
import json
from pathlib import Path

import jax
import numpy as np
import tensorflow_datasets as tfds

from jaxseg.checkpoints.reading import read_everything
from jaxseg.training.run.meter import CLOCKS

SIGNS = (".building-", "orbax-checkpoint-tmp", "lock.json", "lock-takeover", "ckpt/.")
SIGNS += ("incomplete", "damaged-")
PASSING = ("events.out.tfevents", "log.txt", "compiled", "commit_success")  # with times
PASSING += ("goodput.jsonl", "report.html")  # seconds and number of the starts
ABOUT = ("commit", "machine", "time")


def leftovers(folder: Path) -> list[str]:
    """Temporary files and folders, locks and checkpoints that were set aside."""
    names = (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    return [name for name in names if any(sign in name for sign in SIGNS)]


def contents(folder: Path) -> dict[str, str]:
    """A digest for each array of each checkpoint, each record and each other file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if any(part in name for part in PASSING):
            continue
        if path.name == "state" and path.parent.parent.name == "ckpt":
            found |= {f"{name}{k}": v for k, v in _arrays(path.parent).items()}
        elif path.is_file() and "/state/" not in name:
            found |= {f"{name}{k}": v for k, v in _file(path).items()}
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names whose digests differ, or that one of the two lacks."""
    return sorted(k for k in one.keys() | other if one.get(k) != other.get(k))


def _arrays(step: Path) -> dict[str, str]:
    tree = read_everything(step.absolute())
    return {
        jax.tree_util.keystr(path): _digest(np.asarray(_plain(leaf)).tobytes())
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


def _plain(leaf):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf


def _file(path: Path) -> dict[str, str]:
    if path.name.startswith("_") and "METADATA" in path.name:
        return {}  # the storage library's own list, with times
    if path.suffix == ".jsonl":
        rows = map(json.loads, path.read_text().splitlines())
        return {f":{i}": _digest(_row(row)) for i, row in enumerate(rows, start=1)}
    if path.name == "dataset_info.json":
        return _examples(path.parent)
    if ".array_record" in path.name:
        return {}  # see `_examples`
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {f":{k}": _digest(v.tobytes()) for k, v in arrays.items()}
    return {"": _digest(path.read_bytes())}


def _examples(folder: Path) -> dict[str, str]:
    """Prepared examples in their order, as they are read.

    The records themselves differ from build to build: their fields have no fixed order.
    """
    builder = tfds.builder_from_directory(folder)
    return {
        f":{split}:{i}": _digest(repr(sorted(map(_field, example.items()))).encode())
        for split in builder.info.splits
        for i, example in enumerate(builder.as_data_source(split))
    }


def _field(pair: tuple) -> tuple:
    name, value = pair
    array = np.asarray(value)
    return name, str(array.dtype), array.shape, _digest(array.tobytes())


def _row(row: dict) -> bytes:
    """A record without the clocks and without the place where it was made."""
    kept = {k: v for k, v in row.items() if k not in (*CLOCKS, *ABOUT)}
    return json.dumps(kept, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
