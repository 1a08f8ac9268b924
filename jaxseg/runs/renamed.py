"""Translates old names of options and configuration fields, which are still read.

A command line, a stored `config.json` and a Python configuration file may use the old
names. For a file, one log line lists all old names and the names that replaced them.
For a command line, each old option gets a log line.
"""

from __future__ import annotations

import ast
import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

logger = logging.getLogger(__name__)

FIELDS = {  # old dotted name of a configuration field -> its name
    "data.colour": "data.color_jitter",
    "data.data_dir": "data.prepared_dir",
    "data.duplicate": "data.oversample_classes",
    "data.jitter": "data.point_jitter",
    "data.path": "data.raw_dir",
    "data.points": "data.num_points",
    "loss.extra": "loss.additional",
    "model.options.normalise": "model.options.normalize",
    "model.options.neighbours": "model.options.neighbors",
    "optim.decay": "optim.decay_mask",
    "optim.groups": "optim.lr_multipliers",
    "optim.power": "optim.poly_power",
    "optim.reference_batch": "optim.base_batch_size",
    "train.accumulate": "train.grad_accum_steps",
    "train.driver": "train.parallel_backend",
    "train.keep_latest": "train.max_to_keep",
    "train.overlay_count": "train.num_overlays",
    "train.space": "train.spatial_shards",
}
VALUES = {  # current name of a configuration field -> {old value: its name}
    "train.shard": {"batch": "fsdp"},
}
OPTIONS = {  # old option of any command -> its name
    **{
        f"--{old}".replace("_", "-"): f"--{new}".replace("_", "-")
        for old, new in FIELDS.items()
    },
    "--crf.colour-weight": "--crf.color-weight",
    "--crf.normalisation": "--crf.normalization",
}
COMMAND_OPTIONS = {  # command -> old option of this command -> its name
    "bench": {
        "--again": "--rerun",
        "--compile": "--torch-compile",
        "--lax": "--plain",
        "--only": "--filter",
    },
    "convert": {"--names": "--export-names", "--part": "--component"},
    "predict": {"--multiple": "--pad-multiple"},
    "sweep": {
        "--form": "--variant",
        "--record": "--results-dir",
        "--variable": "--device-env-var",
    },
    "train": {"--lost-after": "--heartbeat-timeout"},
}
TOOLS = {  # old tool of `jaxseg lab` -> its name
    "effective": "erf",
    "field": "receptive-field",
    "valid": "valid-taps",
}
_SECTIONS = {  # class of a part of the configuration -> the name of that part
    "ModelConfig": "model",
    "DataConfig": "data",
    "OptimConfig": "optim",
    "LossConfig": "loss",
    "LabConfig": "lab",
    "TrainConfig": "train",
}


def current_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration, as nested dictionaries, with the current field names.

    Old names of fields, and old names of their values, are replaced.

    If the configuration contains a field under both its old and its current name, the
    value under the current name is used.

    Args:
      values: The configuration as nested dictionaries.
    """
    found, seen = dict(values), []
    for old, new in FIELDS.items():
        *parents, last = old.split(".")
        renamed = _renamed(
            found, parents=parents, last=last, new_last=new.rpartition(".")[2]
        )
        if renamed is not found:
            seen.append((old, new))
        found = renamed
    announce(*seen)
    for field in VALUES:
        part, _, name = field.partition(".")
        inner = found.get(part)
        if isinstance(inner, Mapping) and name in inner:
            found[part] = {**inner, name: current_value(field, inner[name])}
    return found


def current_value(field: str, value: Any) -> Any:
    """Returns the current name of a value of a field, in case it was renamed.

    Args:
      field: The dotted name of the field.
      value: The value, which is returned unchanged if it was not renamed.
    """
    new = VALUES.get(field, {}).get(value) if isinstance(value, str) else None
    if new is None:
        return value
    announce((f"{field}={value!r}", f"{field}={new!r}"))
    return new


def current_options(argv: list[str]) -> list[str]:
    """Returns the arguments of a command line with the current names of options.

    Args:
      argv: The command and its arguments, such as ["sweep", "x.py", "--form", "full"].
    """
    words: list[str] = []
    known = OPTIONS | COMMAND_OPTIONS.get(argv[0] if argv else "", {})
    for word in argv:
        name, equals, value = word.partition("=")
        new = known.get(name.replace("_", "-") if name.startswith("--") else name)
        if new is not None:
            announce((name, new))
            name = new
        elif words == ["lab"] and word in TOOLS:
            announce((f"lab {word}", f"lab {TOOLS[word]}"))
            name = TOOLS[word]
        value = current_value(name.removeprefix("--"), value)
        if words and words[-1].startswith("--"):
            name = current_value(words[-1].removeprefix("--"), name)
        words.append(f"{name}{equals}{value}")
    return words


def current_source(tree: ast.Module) -> ast.Module:
    """Replaces old keywords in the calls of a Python configuration file.

    For example, `accumulate` becomes `grad_accum_steps` in `TrainConfig(accumulate=4)`
    and in `dataclasses.replace(config.train, accumulate=4)`.

    Args:
      tree: The syntax tree of the file, which is changed in place.
    """
    seen = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        for part in _parts(call):
            for keyword in call.keywords:
                new = FIELDS.get(f"{part}.{keyword.arg}")
                if new is not None:
                    seen.append((f"{part}.{keyword.arg}", new))
                    keyword.arg = new.partition(".")[2]
    announce(*dict.fromkeys(seen))
    return tree


def successor(kind: str, field: str) -> str | None:
    """Returns the current name of a renamed field of a configuration class.

    The name is dotted. The result is None if the field was not renamed.

    >>> successor("TrainConfig", "accumulate")
    'train.grad_accum_steps'
    """
    return FIELDS.get(f"{_SECTIONS.get(kind)}.{field}")


def _parts(call: ast.Call) -> Iterator[str]:
    """Yields the parts of the configuration that a call may construct or replace."""
    called = _last_name(call.func)
    if called in _SECTIONS:
        yield _SECTIONS[called]
    elif called == "replace" and call.args:
        name = _last_name(call.args[0])
        if name in _SECTIONS.values():
            yield name


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def announce(*renamed: tuple[str, str]) -> None:
    """Logs the new names of options or fields in one line.

    Later calls with equal names log nothing.

    Args:
      renamed: Pairs of an old and a new name.
    """
    if renamed:
        names = ", ".join(f"{old} is now called {new}" for old, new in renamed)
        logger.warning("%s", names)


def _renamed(tree, parents, last, new_last):
    if not parents:
        if last not in tree:
            return tree
        rest = {key: value for key, value in tree.items() if key != last}
        return {new_last: tree[last], **rest}
    head, *tail = parents
    inner = tree.get(head)
    if not isinstance(inner, Mapping):
        return tree
    changed = _renamed(inner, parents=tail, last=last, new_last=new_last)
    return tree if changed is inner else {**tree, head: changed}
