"""Checks the types and the values of network options.

The type of an option must match its annotation. `NETWORK` and `STYLE` contain rules for
the values of some options. A general rule applies to all others.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flax import linen as nn

from jaxseg.models import FAMILIES, MODELS, factory_of, family_of
from jaxseg.runs.field_types import in_words, matches
from jaxseg.runs.rules import Rule, each, invalid, number, optional, some, whole
from jaxseg.runs.serialize import unknown_model

DEEP = whole(
    1, 1_000
)  # Each layer is built separately, so larger counts take too long.
NETWORK = {  # option -> a rule other than that of `_by_type`
    "blocks": some(DEEP),
    "cascade": DEEP,
    "convs": DEEP,
    "depth": DEEP,
    "dropout": number(0, below=1),
    "dropped": whole(0, 1_000),
    "last": whole(0, 65_536),
    "layers": some(DEEP),
    "registers": whole(0, 1_000),
    "repeats": some(DEEP),
    "stages": DEEP,
    "steps": whole(0, 1_000),
    "taps": optional(each(whole(0, 1_000))),
}
STYLE = {
    "momentum": number(0, 1),
    "epsilon": number(above=0),
    "groups": whole(1, 65_536),
    "batch_groups": whole(1, 65_536),
}


def check_network(
    name: str, options: Mapping[str, Any], backbone: str | None = None
) -> None:
    """Checks the name of a network, and the options that its constructor takes.

    Args:
      name: A name of `jaxseg.list_models()` or, with a backbone, of an architecture
        that can be combined with different backbones.
      options: The options of the network. `check_parts` checks those that the network
        passes on to the modules inside it, after the network is built.
      backbone: The name of the backbone or None.

    Raises:
      ValueError: If the network is unknown, or if an option has an invalid value.
    """
    if name not in MODELS and name not in FAMILIES:
        raise ValueError(unknown_model(name))
    style = options.get("style", {})
    for field, rule in STYLE.items() if isinstance(style, Mapping) else ():
        if isinstance(style.get(field), int | float):  # `BlockConfig` checks the types.
            rule.check(f"model.options.style.{field}", style[field])
    hints = option_hints(name, backbone)
    for option in (options.keys() & hints.keys()) - {"style"}:
        where, rule = f"model.options.{option}", NETWORK.get(option)
        check_option(where, value=options[option], hint=hints[option], rule=rule)


def option_hints(name: str, backbone: str | None = None) -> dict[str, Any]:
    """Returns a dictionary from the options of a network to their type annotations.

    A named network such as deeplabv3_resnet50 can pass options on to its architecture.
    The options of the architecture are then included.

    Args:
      name: The name of a network or, with a backbone, of an architecture.
      backbone: The name of the backbone or None.
    """
    if name not in MODELS and backbone is None:
        return {}
    factory = factory_of(name, backbone)
    hints = hints_of(factory)
    kinds = [p.kind for p in inspect.signature(factory).parameters.values()]
    family = family_of(name) if backbone is None else None
    if family and inspect.Parameter.VAR_KEYWORD in kinds:
        hints = {**hints_of(FAMILIES[family].compose), **hints}
        hints.pop("backbone", None)
    return hints


def check_parts(
    model: nn.Module, options: Mapping[str, Any], where: str = "model.options"
) -> None:
    """Checks the options that a network has passed on to the modules inside it.

    Args:
      model: The network.
      options: Its options.
      where: The dotted name of the option group, such as "model.options", for errors.

    Raises:
      ValueError: If an option has an invalid value.
    """
    for part in _parts(model):
        hints = hints_of(type(part))
        for field in dataclasses.fields(part):
            name = field.name
            if name not in options or name not in hints:
                continue
            if getattr(part, name, None) == options[name]:
                rule = NETWORK.get(name)
                check_option(
                    f"{where}.{name}", value=options[name], hint=hints[name], rule=rule
                )


def check_option(where: str, value: Any, hint: Any, rule: Rule | None) -> None:
    """Checks that an option has its annotated type and follows a rule.

    Args:
      where: The dotted name of the option.
      value: The value of the option.
      hint: The annotation of the parameter that takes the option.
      rule: A `Rule`, which defines the allowed values. None uses the general rule for
        counts, sizes and rates.

    Raises:
      ValueError: If the type or the value is invalid.
    """
    if not matches(value, hint):
        raise ValueError(invalid(where, value, in_words(hint)))
    if value is None:
        return
    rule = _by_type(value) if rule is None else rule
    if rule is not None:
        rule.check(where, value)


def _by_type(value: Any) -> Rule | None:
    """Returns the general rule for sizes, counts and rates, by the type of a value."""
    kinds = set(_kinds(value))
    if kinds == {int}:
        return each(whole(1, 65_536))
    return each(number(above=0)) if kinds and kinds <= {int, float} else None


def _kinds(value: Any) -> Iterator[type]:
    if isinstance(value, tuple):
        for item in value:
            yield from _kinds(item)
    else:
        yield type(value)


@functools.cache
def hints_of(factory: Callable) -> dict[str, Any]:
    """Returns a dictionary from parameters of a function or class to their types."""
    bare = factory.func if isinstance(factory, functools.partial) else factory
    named = inspect.signature(bare).parameters.values()
    by_name = {p.name for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    found = typing.get_type_hints(bare)
    return {name: found[name] for name in by_name if name in found}


def _parts(value: Any) -> Iterator[nn.Module]:
    """Yields a module and all modules in its fields."""
    if not isinstance(value, nn.Module):
        return
    yield value
    for field in dataclasses.fields(value):
        if field.name != "parent":
            yield from _parts(getattr(value, field.name, None))
