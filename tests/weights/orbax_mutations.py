"""Damaged Orbax directories, drawn from a seed.

Half of the changes work on the bytes of a file of the directory; the others change a
value inside a JSON file, remove a file, or put a folder in its place.
"""

import copy
import json
import pathlib
import random
import shutil

import numpy as np
from mutations import BYTE_CHANGES

from jaxseg.weights.formats import orbax

VARIABLES = {
    "params": {
        "stem": {"kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7},
        "head": {"kernel": np.arange(3000, dtype=np.float32)},
    },
    "batch_stats": {"norm": {"mean": np.array([1.5, -2], np.float32)}},
}
VALUES = (
    *(None, True, False, 0, -1, 2, 1 << 40, 1 << 63, 1 << 70, 1.5, 1e999, "", "x"),
    *("\x1b[31m", "params", "../../x", "a" * 3000, [], {}, [1 << 40], ["a"], {"a": 1}),
)


def whole(folder: pathlib.Path) -> pathlib.Path:
    """Writes a directory that is not damaged."""
    orbax.write(str(folder), VARIABLES)
    return folder


def mutate(draw: random.Random, folder: pathlib.Path) -> str:
    """Damages one file of a directory; returns what was done to which file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = draw.choice(files)
    described = [file for file in files if file.name.endswith("METADATA")]
    kind = draw.random()
    if kind < 0.5:
        change = draw.choice(BYTE_CHANGES)
        path.write_bytes(change(draw, path.read_bytes()))
        done = change.__name__
    elif kind < 0.8:
        path = draw.choice(described)
        path.write_text(json.dumps(_changed(draw, json.loads(path.read_text()))))
        done = "value"
    elif kind < 0.9:
        path.unlink()
        done = "removed"
    else:
        path.unlink()
        path.mkdir()
        done = "folder"
    return f"{done} {path.relative_to(folder)}"


def restore(folder: pathlib.Path, original: pathlib.Path) -> None:
    """Makes a damaged directory whole again."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)


def _changed(draw: random.Random, tree: object) -> object:
    """A JSON value with another value, key or depth somewhere inside."""
    tree = copy.deepcopy(tree)
    node = tree
    while True:
        inner = [k for k in _keys(node) if isinstance(node[k], dict | list) and node[k]]
        if not inner or draw.random() < 0.25:
            break
        node = node[draw.choice(inner)]
    key = draw.choice(list(_keys(node)))
    kind = draw.random()
    if kind < 0.2:
        del node[key]
    elif kind < 0.4 and isinstance(node, dict):
        node[draw.choice(("x", "", "params", "a" * 300, "\x1b[2J"))] = node.pop(key)
    elif kind < 0.5:
        for _ in range(draw.choice((1, 50, 400))):
            node[key] = [node[key]]
    else:
        node[key] = draw.choice(VALUES)
    return tree


def _keys(node: dict | list) -> range | list:
    return list(node) if isinstance(node, dict) else range(len(node))
