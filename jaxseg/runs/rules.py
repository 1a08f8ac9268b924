"""What a single option may be: a test, and the words that say what is allowed."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

INT32 = 2**31 - 1  # steps, seeds and sizes are 32-bit numbers on the devices
FLOAT32 = 3.4028235e38  # the largest finite number there


@dataclasses.dataclass(frozen=True)
class Rule:
    """Values that an option may have.

    Attributes:
      allows: Whether a value of the right type is allowed.
      expected: What is allowed, in words: `expected: <these words>`.
    """

    allows: Callable[[Any], bool]
    expected: str

    def check(self, name: str, value: Any, *, advice: str = "") -> None:
        """Raises ValueError that names the option, unless it may have this value."""
        if not self.allows(value):
            raise ValueError(invalid(name, value, self.expected, advice=advice))


def check_bounds(holder: Any, bounds: Mapping[str, Rule], *, prefix: str = "") -> None:
    """Raises ValueError unless the fields of a dataclass are within their bounds.

    Args:
      holder: A configuration, or the arguments of a command.
      bounds: Rules by the dotted names of fields.
      prefix: What stands before the names in errors.
    """
    for name, rule in bounds.items():
        value = holder
        for part in name.split("."):
            value = getattr(value, part)
        rule.check(prefix + name, value)


def invalid(name: str, value: Any, expected: str, *, advice: str = "") -> str:
    """`train.ema=2 is invalid: expected a number from 0 to 1.`, all on one line."""
    shown = re.sub(r"\s+", " ", repr(value))
    shown = shown if len(shown) <= 200 else shown[:197] + "..."
    text = f"{name}={shown} is invalid: expected {expected}."
    return f"{text} {advice}" if advice else text


def whole(low: int = 0, high: int = INT32) -> Rule:
    """A whole number from `low` to `high`."""
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
    """A finite number from `low` to `high`, or strictly `above` and `below`.

    NaN is never allowed.
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
    """The same, or None."""
    return Rule(lambda value: value is None or rule.allows(value), rule.expected)


def each(rule: Rule) -> Rule:
    """The same for every value of a tuple, or for a single one."""

    def allows(value: Any) -> bool:
        many = value if isinstance(value, tuple) else (value,)
        return all(
            allows(item) if isinstance(item, tuple) else rule.allows(item)
            for item in many
        )

    return Rule(allows, f"{rule.expected}, for each")


def some(rule: Rule) -> Rule:
    """The same for every value of a tuple that has at least one."""
    inner = each(rule)
    return Rule(lambda value: bool(value) and inner.allows(value), inner.expected)


def ascending(rule: Rule) -> Rule:
    """A pair, both by `rule`, of which the second is not smaller than the first."""
    return Rule(
        lambda pair: all(map(rule.allows, pair)) and pair[0] <= pair[1],
        f"two numbers, the smaller one first, each {rule.expected}",
    )


def interval() -> Rule:
    """A pair of finite numbers, of which the second is larger."""
    finite = number()
    return Rule(
        lambda pair: all(map(finite.allows, pair)) and pair[0] < pair[1],
        "two finite numbers, the smaller one first",
    )


def text() -> Rule:
    """Text of at least one character, without control characters."""
    return Rule(
        lambda value: bool(value.strip()) and value.isprintable(),
        "text that is not empty and has no control characters",
    )


def pattern() -> Rule:
    """A regular expression."""

    def allows(value: str) -> bool:
        try:
            with warnings.catch_warnings():  # Python comments on odd brackets
                warnings.simplefilter("ignore")
                re.compile(value)
        except (re.error, OverflowError, RecursionError):
            return False
        return value != ""

    return Rule(allows, "a regular expression, such as 'backbone/.*'")


def factors(first: Rule, second: Rule) -> Rule:
    """Pairs, such as patterns with multipliers."""
    return Rule(
        lambda pairs: all(first.allows(a) and second.allows(b) for a, b in pairs),
        f"pairs of {first.expected} and {second.expected}",
    )
