"""Turns the TypeError for an unknown option of a network into a readable message."""

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jaxseg.text import did_you_mean, printable

OF_FAMILIES = ("backbone_options", "neck", "neck_features")

# Parameters of factories and modules that are no options of a network.
_SET_ELSEWHERE = {"num_classes", "backbone", "style", "name", "parent", "self"}


class UnknownOption(TypeError):
    """Is raised for an option that a network or a backbone does not have.

    Attributes:
      option: The name of the option.
      expected: What is expected instead, as a sentence after a colon.
      within: The option that contains this option, such as "backbone_options", or "".
    """

    def __init__(self, option: str, value: str, expected: str, within: str = ""):
        self.option, self.expected, self.within = option, expected, within
        given = f"{within}={{{option!r}: {value}}}" if within else f"{option}={value}"
        super().__init__(f"{given} is invalid: {expected}")


@contextlib.contextmanager
def naming_options(
    holder: str,
    factory: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    extra: tuple[str, ...] = (),
    within: str = "",
) -> Iterator[None]:
    """Returns a context manager that names the options of a factory if one is unknown.

    Args:
      holder: The name of the network or of the backbone, for the message.
      factory: Creates it from keyword options.
      given: The options that the user has given.
      extra: Further options that the network takes.
      within: The option that contains these options, such as "backbone_options".

    Raises:
      UnknownOption: If the factory refuses one of the options.
    """
    try:
        yield
    except TypeError as error:
        found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if isinstance(error, UnknownOption) or not found or found[1] not in given:
            raise
        name = found[1]
        allowed = sorted({*options_of(factory), *extra})
        names = f"{', '.join(allowed) or 'none'}.{did_you_mean(name, allowed)}"
        expected = f"expected one of the options of {holder!r}: {names}"
        if name in OF_FAMILIES and not within:
            expected += " A family has it, such as 'upernet' with backbone='vitb16'."
        value = printable(repr(given[name]), limit=40)
        raise UnknownOption(name, value, expected, within) from error


def options_of(factory: Callable[..., Any]) -> list[str]:
    """Returns the sorted names of the options that a factory accepts.

    If a factory passes further keywords on, the parameters of the functions and classes
    to which it refers are tried with their defaults, because their names alone do not
    say which of them the factory sets itself.

    Args:
      factory: Creates a module from keyword options. It needs no other arguments.

    >>> from jaxseg.models.zoo import MODELS
    >>> options_of(functools.partial(MODELS["fcn_resnet50"], 5))[:3]
    ['align_corners', 'blocks', 'ceil']
    """
    candidates = _parameters(factory, set())
    return sorted(
        name for name, value in candidates.items() if _accepts(factory, name, value)
    )


def _accepts(factory: Callable[..., Any], name: str, value: Any) -> bool:
    try:
        factory(**{name: value})
    except TypeError as error:
        return not re.search("unexpected keyword|multiple values", str(error))
    except KeyError as error:  # Python 3.11 raises it for a keyword given twice.
        return error.args != (name,)
    except ValueError:  # The name is known, but not every default suits the others.
        return True
    return True


def _parameters(factory: Callable[..., Any], seen: set[Any]) -> dict[str, Any]:
    """Returns names and defaults of all parameters to which keywords can be passed."""
    fixed: set[str] = set(_SET_ELSEWHERE)
    while isinstance(factory, functools.partial):
        fixed |= set(factory.keywords)
        factory = factory.func
    seen.add(factory)
    parameters = inspect.signature(factory).parameters.values()
    found = {p.name: p.default for p in parameters if p.default is not p.empty}
    if any(p.kind is p.VAR_KEYWORD for p in parameters) and inspect.isfunction(factory):
        for name in factory.__code__.co_names:
            other = factory.__globals__.get(name)
            ours = str(getattr(other, "__module__", "")).startswith("jaxseg.")
            if callable(other) and ours and other not in seen:
                found = {**_parameters(other, seen), **found}
    return {name: value for name, value in found.items() if name not in fixed}
