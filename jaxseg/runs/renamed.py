"""Old names of options and configuration fields, which are still read."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)

FIELDS = {  # old dotted name of a configuration field -> its name
    "data.colour": "data.color_jitter",
    "model.options.normalise": "model.options.normalize",
    "model.options.neighbours": "model.options.neighbors",
}
OPTIONS = {  # old option of the command line -> its name
    **{
        f"--{old}".replace("_", "-"): f"--{new}".replace("_", "-")
        for old, new in FIELDS.items()
    },
    "--crf.colour-weight": "--crf.color-weight",
    "--crf.normalisation": "--crf.normalization",
}


def current_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration as a tree with the current names of its fields.

    Where the tree holds both names of a field, the current one counts.
    """
    found = dict(values)
    for old, new in FIELDS.items():
        *parents, last = old.split(".")
        found = _renamed(found, parents, last, new.rpartition(".")[2], old, new)
    return found


def current_options(argv: list[str]) -> list[str]:
    """Returns a command line with the current names of its options."""
    words = []
    for word in argv:
        name, equals, value = word.partition("=")
        new = OPTIONS.get(name.replace("_", "-") if name.startswith("--") else name)
        if new is not None:
            announce(name, new)
            word = f"{new}{equals}{value}"
        words.append(word)
    return words


@functools.cache
def announce(old: str, new: str) -> None:
    """Says, once for each name in a process, what an old name is called now."""
    logger.warning("%s is now called %s", old, new)


def _renamed(tree, parents, last, new_last, old, new):
    if not parents:
        if last not in tree:
            return tree
        announce(f"the configuration's {old}", new)
        rest = {key: value for key, value in tree.items() if key != last}
        return {new_last: tree[last], **rest}
    head, *tail = parents
    inner = tree.get(head)
    if not isinstance(inner, Mapping):
        return tree
    return {**tree, head: _renamed(inner, tail, last, new_last, old, new)}
