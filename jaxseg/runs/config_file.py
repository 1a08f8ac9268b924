"""Run configurations from a Python file and from the command line."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import re
import warnings
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import jaxseg.config
from jaxseg.config import Config, ModelConfig
from jaxseg.runs.renamed import current_source, successor
from jaxseg.runs.serialize import from_dict, hashable, near, plain, to_dict

OPTIONS = ("--model.options.", "--loss.options.")  # free dictionaries


def load_config(path: str | Path, *, name: str = "config") -> Config:
    """The configuration that a Python file defines under `name`."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"config file {str(path)!r} does not exist")
    module = execute_file(file)
    config = getattr(module, name, None)
    if not isinstance(config, Config):
        raise ValueError(f"{path} must define `{name} = Config(...)`, has {config!r}")
    try:
        return from_dict(Config, to_dict(config))  # checks every field's type
    except ValueError as error:
        raise ValueError(f"config file {path}: {error}") from error


def execute_file(file: Path) -> ModuleType:
    """Returns the module that a Python file defines.

    Old names of configuration fields are replaced by the current ones.

    Raises:
      ValueError: If the file is not a Python file, or if it fails.
    """
    spec = importlib.util.spec_from_file_location("jaxseg_run_config", file)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise ValueError(f"config file {str(file)!r} is not a Python file (*.py)")
    module = importlib.util.module_from_spec(spec)
    try:
        tree = current_source(ast.parse(file.read_bytes(), filename=str(file)))
        exec(compile(tree, str(file), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise ValueError(
            f"config file {file}: {type(error).__name__}: {text}{_hint(text)}"
        ) from error
    return module


def _hint(message: str) -> str:
    """Names the fields that may have been meant where a dataclass lacks one."""
    found = re.search(
        r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", message
    ) or re.search(r"'(\w+)' object has no attribute '(\w+)'", message)
    kind = getattr(jaxseg.config, found[1], None) if found else None
    if found and (new := successor(found[1], found[2])):
        return f"; it is now called {new}"
    if not dataclasses.is_dataclass(kind):
        return ""
    return near(found[2], [field.name for field in dataclasses.fields(kind)])


def config_name(path: str | Path) -> str:
    """`experiments/rates/config.py` and `rates.py` are both called "rates"."""
    file = Path(path).absolute()
    return file.parent.name if file.stem == "config" else file.stem


def take_options(argv: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Splits `--model.options.KEY VALUE...` (and loss.options) off a command line.

    One value is a Python literal or else a word, several are a tuple, none is True;
    `--model.options.style.norm group` nests. Returns the options as a tree
    `{"model": {"options": {...}}}`, and what is left.
    """
    options: dict[str, list[str]] = {}
    rest: list[str] = []
    values: list[str] | None = None
    for token in argv:
        if token.startswith(OPTIONS):
            name, has_value, value = token.removeprefix("--").partition("=")
            values = [value] if has_value else []
            options[name.replace("-", "_")] = values
        elif token.startswith("--") or values is None:
            values = None
            rest.append(token)
        else:
            values.append(token)
    return nested({name: _literals(words) for name, words in options.items()}), rest


def peek(argv: list[str], name: str) -> str | None:
    """The value of an option, before the line is read as a whole."""
    for i, token in enumerate(argv):
        if token == name:
            return argv[i + 1] if i + 1 < len(argv) else None
        if token.startswith(f"{name}="):
            return token.removeprefix(f"{name}=")
    return None


def chosen(base: Config, argv: list[str], options: Mapping[str, Any]) -> Config:
    """A configuration with options of the line, before the rest of the line is read.

    Another network by `--model.name` leaves the options of the one before behind.
    """
    name = peek(argv, "--model.name")
    if name not in (None, base.model.name):
        base = dataclasses.replace(base, model=ModelConfig(name))
    return overridden(base, options)


def _literals(words: list[str]) -> Any:
    values = tuple(_literal(word) for word in words)
    if not values:
        return True
    return values if len(values) > 1 else values[0]


def _literal(word: str) -> Any:
    named = {"true": True, "false": False}  # "none" is a word that options take
    if word.lower() in named:
        return named[word.lower()]
    try:
        with warnings.catch_warnings():  # Python comments on words such as "5or"
            warnings.simplefilter("ignore")
            return hashable(ast.literal_eval(word))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return word


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`{"style.norm": "group"}` -> `{"style": {"norm": "group"}}`.

    Raises:
      ValueError: for a name with an empty part, and for one that is used both as a
        value and as a group of options.
    """
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        if not all((*parents, last)):
            raise ValueError(
                f"option --{name} is invalid: expected a name after each dot"
            )
        node = tree
        for depth, parent in enumerate(parents, 1):
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise _both(".".join(parents[:depth]), name)
        if isinstance(node.get(last), dict):
            raise _both(name, f"{name}.{next(iter(node[last]))}")
        node[last] = value
    return tree


def _both(name: str, longer: str) -> ValueError:
    return ValueError(
        f"options --{name} and --{longer} exclude each other: {name} is either a value "
        "or a group of options"
    )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, dictionary by dictionary."""
    result = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if both else value
    return result


def overridden(config: Config, tree: Mapping[str, Any]) -> Config:
    """The configuration with the fields of a tree replaced."""
    return from_dict(Config, merged(to_dict(config), plain(tree)))
