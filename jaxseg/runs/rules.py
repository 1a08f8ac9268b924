"""Defines which values an option may have, and describes them in words."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

INT32 = 2**31 - 1  # Devices store steps, seeds and sizes as 32-bit integers.
FLOAT32 = 3.4028235e38  # the largest finite float32


@dataclasses.dataclass(frozen=True)
class Rule:
    """Defines which values an option may have.

    Attributes:
      allows: A function that returns whether a value of the right type is allowed.
      expected: A description of the allowed values, which follows "expected" in errors.
    """

    allows: Callable[[Any], bool]
    expected: str

    def check(self, name: str, value: Any, *, advice: str = "") -> None:
        """Raises a ValueError if a value is not allowed.

        Args:
          name: The name of the option, for the error message.
          value: The value.
          advice: A sentence with the remedy to append, or an empty string.
        """
        if not self.allows(value):
            raise ValueError(invalid(name, value, self.expected, advice=advice))


def check_bounds(holder: Any, bounds: Mapping[str, Rule], *, prefix: str = "") -> None:
    """Checks that the fields of a dataclass are within their bounds.

    Args:
      holder: A configuration, or the arguments of a command.
      bounds: A dictionary from dotted field names to rules.
      prefix: A prefix for the field names in errors.

    Raises:
      ValueError: If a field is out of its bounds. The message names the first such
        field.
    """
    for name, rule in bounds.items():
        value = holder
        for part in name.split("."):
            value = getattr(value, part)
        rule.check(prefix + name, value)


def invalid(name: str, value: Any, expected: str, *, advice: str = "") -> str:
    """Formats an error: `train.ema=2 is invalid: expected a number from 0 to 1.`

    Args:
      name: The name of the option.
      value: Its value, which is shortened to 200 characters.
      expected: A description of the allowed values.
      advice: A sentence with the remedy to append, or an empty string.
    """
    shown = re.sub(r"\s+", " ", repr(value))
    shown = shown if len(shown) <= 200 else shown[:197] + "..."
    text = f"{name}={shown} is invalid: expected {expected}."
    return f"{text} {advice}" if advice else text


def whole(low: int = 0, high: int = INT32) -> Rule:
    """Returns a rule that allows whole numbers from `low` to `high`."""
    return Rule(
        lambda value: isinstance(value, int) and low <= value <= high,
        f"a whole number from {low} to {high}",
    )


def number(
    low: float = -FLOAT32,
    high: float = FLOAT32,
    *,
    above: float | None = None,
    below: float | None = None,
) -> Rule:
    """Returns a rule that allows finite numbers within bounds.

    Args:
      low: The smallest allowed number.
      high: The largest allowed number.
      above: If given, numbers must be larger than this.
      below: If given, numbers must be smaller than this.
    """
    starts = f"above {above:g}" if above is not None else f"of at least {low:g}"
    ends = f"below {below:g}" if below is not None else f"at most {high:g}"
    if above is None and low == -FLOAT32:
        words = "a finite number"
    elif below is None and high == FLOAT32:
        words = f"a finite number {starts}"
    elif above is None and below is None:
        words = f"a number from {low:g} to {high:g}"
    else:
        words = f"a number {starts} and {ends}"

    def allows(value: Any) -> bool:
        return (
            low <= value <= high
            and (above is None or value > above)
            and (below is None or value < below)
        )

    return Rule(allows, words)


def optional(rule: Rule) -> Rule:
    """Returns a rule that allows None, and all values that `rule` allows."""
    return Rule(lambda value: value is None or rule.allows(value), rule.expected)


def either(word: str, rule: Rule) -> Rule:
    """Returns a rule that allows `word`, and the values that `rule` allows.

    `word` is the only string that the new rule allows.
    """
    return Rule(
        lambda value: (
            value == word or (not isinstance(value, str) and rule.allows(value))
        ),
        f"{rule.expected}, or {word}",
    )


def each(rule: Rule) -> Rule:
    """Returns a rule that allows what `rule` allows, and tuples of such values."""

    def allows(value: Any) -> bool:
        many = value if isinstance(value, tuple) else (value,)
        return all(
            allows(item) if isinstance(item, tuple) else rule.allows(item)
            for item in many
        )

    return Rule(allows, f"{rule.expected}, for each")


def some(rule: Rule) -> Rule:
    """Returns a rule that allows tuples of allowed values, but not the empty tuple.

    Args:
      rule: The rule for each value of the tuple.
    """
    inner = each(rule)
    return Rule(lambda value: bool(value) and inner.allows(value), inner.expected)


def ascending(rule: Rule) -> Rule:
    """Returns a rule that allows pairs of values in ascending order, or equal ones.

    Args:
      rule: The rule for each value.
    """
    return Rule(
        lambda pair: all(map(rule.allows, pair)) and pair[0] <= pair[1],
        f"two numbers, the smaller one first, each {rule.expected}",
    )


def interval() -> Rule:
    """Returns a rule that allows two finite numbers, the first less than the second."""
    finite = number()
    return Rule(
        lambda pair: all(map(finite.allows, pair)) and pair[0] < pair[1],
        "two finite numbers, the smaller one first",
    )


def text() -> Rule:
    """Returns a rule that allows printable text that is not empty."""
    return Rule(
        lambda value: bool(value.strip()) and value.isprintable(),
        "text that is not empty and has no control characters",
    )


def pattern() -> Rule:
    """Returns a rule that allows regular expressions."""

    def allows(value: str) -> bool:
        try:
            with warnings.catch_warnings():  # Python warns about unusual brackets.
                warnings.simplefilter("ignore")
                re.compile(value)
        except (re.error, OverflowError, RecursionError):
            return False
        return value != ""

    return Rule(allows, "a regular expression, such as 'backbone/.*'")


def factors(first: Rule, second: Rule) -> Rule:
    """Returns a rule that allows sequences of pairs, such as (pattern, factor).

    Args:
      first: The rule for the first value of each pair.
      second: The rule for the second value of each pair.
    """
    return Rule(
        lambda pairs: all(first.allows(a) and second.allows(b) for a, b in pairs),
        f"pairs of {first.expected} and {second.expected}",
    )
