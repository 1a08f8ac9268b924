"""Reads configurations from Python files and from the command line."""

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
from jaxseg.runs.near_paths import did_you_mean_path
from jaxseg.runs.renamed import current_source, successor
from jaxseg.runs.serialize import from_dict, hashable, plain, to_dict
from jaxseg.text import near, printable

# These dictionaries take any key.
OPTIONS = ("--model.options.", "--loss.options.")


def load_config(path: str | Path, *, name: str = "config") -> Config:
    """Loads a configuration from a Python file.

    Args:
      path: The Python file.
      name: The variable of the file that holds the configuration.

    Returns:
      The configuration, with the type of every field checked.

    Raises:
      ValueError: If the file is missing or fails, or if it defines no such
        configuration.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(
            f"config={str(path)!r} is invalid: expected an existing Python file."
            f"{did_you_mean_path(path, is_python)}"
        )
    module = execute_file(file)
    config = getattr(module, name, None)
    if not isinstance(config, Config):
        names = [
            key for key, value in vars(module).items() if isinstance(value, Config)
        ]
        found = f" It defines {', '.join(names)}." if names else ""
        raise ValueError(
            f"config={str(path)!r} is invalid: expected a Python file that defines "
            f"`{name} = Config(...)`.{found}"
        )
    try:
        return from_dict(Config, to_dict(config))  # This checks the types.
    except ValueError as error:
        raise ValueError(f"config file {path}: {error}") from error


def execute_file(file: Path) -> ModuleType:
    """Executes a Python configuration file and returns its module.

    In the source, old names of configuration fields are replaced by the current ones.

    Raises:
      ValueError: If the file is not a Python file, or if it fails.
    """
    spec = importlib.util.spec_from_file_location("jaxseg_run_config", file)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise ValueError(
            f"config={str(file)!r} is invalid: expected a Python file (*.py)."
        )
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


def is_python(path: Path) -> bool:
    """Returns whether a path names an existing Python file."""
    return path.suffix == ".py" and path.is_file()


def config_name(path: str | Path) -> str:
    """Derives the name of a configuration from the path of its file.

    `experiments/rates/config.py` and `rates.py` both give "rates".
    """
    file = Path(path).absolute()
    return file.parent.name if file.stem == "config" else file.stem


def take_options(argv: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Splits `--model.options.*` and `--loss.options.*` off a command line.

    A single value is read as a Python literal if possible and as text otherwise.
    Several values become a tuple, and an option without a value becomes True. Dots in a
    name select nested options, as in `--model.options.style.norm group`.

    Args:
      argv: The arguments of the command.

    Returns:
      A pair: the options as nested dictionaries such as `{"model": {"options":
      {...}}}`, and the list of the remaining arguments.
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


def option_value(argv: list[str], name: str) -> str | None:
    """Returns the value of an option of an unparsed command line.

    Args:
      argv: The arguments of the command.
      name: The option, such as "--model.name".

    Returns:
      The value, or None if the command line does not contain the option.
    """
    for i, token in enumerate(argv):
        if token == name:
            return argv[i + 1] if i + 1 < len(argv) else None
        if token.startswith(f"{name}="):
            return token.removeprefix(f"{name}=")
    return None


def file_of(argv: list[str]) -> str | None:
    """Returns the configuration file that a command line starts with, or None.

    Args:
      argv: The arguments of the command.
    """
    return argv[0] if argv and not argv[0].startswith("-") else None


def check_first(given: str | None, first: str | None) -> None:
    """Raises ValueError if a configuration file is given after the options.

    Args:
      given: The configuration file that the parsed command line contains, or None.
      first: The configuration file before all options, as `file_of` returns it.
    """
    if given != first:
        word = printable(given)
        raise ValueError(
            f"config={word!r} is invalid after the options: expected the config file "
            "as the first argument."
        )


def chosen(base: Config, argv: list[str], options: Mapping[str, Any]) -> Config:
    """Returns a copy of `base` with the network options of a command line.

    The copy has the name of the network and the network options that the command line
    selects. The caller applies the other options later.

    If `--model.name` selects a network other than that of `base`, the network options
    of `base` are discarded.

    Args:
      base: The configuration of the file or of the run.
      argv: The arguments of the command without the network options.
      options: The network options, as `take_options` returns them.
    """
    name = option_value(argv, "--model.name")
    backbone = option_value(argv, "--model.backbone")
    if name not in (None, base.model.name):
        base = dataclasses.replace(base, model=ModelConfig(name))
    elif backbone not in (None, base.model.backbone):
        base = dataclasses.replace(base, model=ModelConfig(base.model.name))
    return overridden(base, options)


def _literals(words: list[str]) -> Any:
    values = tuple(_literal(word) for word in words)
    if not values:
        return True
    return values if len(values) > 1 else values[0]


def _literal(word: str) -> Any:
    named = {
        "true": True,
        "false": False,
    }  # "none" stays text, because it is a value of some options.
    if word.lower() in named:
        return named[word.lower()]
    try:
        with warnings.catch_warnings():  # Python warns about words such as "5or".
            warnings.simplefilter("ignore")
            return hashable(ast.literal_eval(word))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return word


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Converts dotted names to nested dictionaries.

    `{"style.norm": "group"}` becomes `{"style": {"norm": "group"}}`.

    Raises:
      ValueError: If a part of a name is empty, or if a name is used both for a value
        and for a group of options.
    """
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        if not all((*parents, last)):
            raise ValueError(
                f"option --{name} is invalid: expected a name after each dot."
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
    """Returns a nested dictionary with the values of `base`, overridden by `over`.

    Args:
      base: A nested dictionary, which is not changed.
      over: A nested dictionary. Its values replace values of `base` or are added to
        them, at any level.
    """
    result = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if both else value
    return result


def overridden(config: Config, tree: Mapping[str, Any]) -> Config:
    """Returns a copy of a configuration in which some fields have new values.

    Args:
      config: The configuration.
      tree: The new values as nested dictionaries, such as {"optim": {"name": "sgd"}}.
    """
    return from_dict(Config, merged(to_dict(config), plain(tree)))
