"""Which cases run by default and which only with `-m sweep`.

A table over all names is a sweep: complete, long, and run by hand. The default suite
runs a few rows of each table, chosen because they differ.
"""

from collections.abc import Collection, Iterable

import pytest


def tiered(
    names: Iterable[str], default: Collection[str], quick: Collection[str] = ()
) -> list:
    """Returns one parameter per name, with the mark of its tier.

    Args:
        names: every name of the table.
        default: the names that the default suite runs; the others are `sweep`.
        quick: those of `default` that are not even `slow`.

    Raises:
        ValueError: a name of `default` or `quick` is not in the set that holds it.
    """
    names, default, quick = set(names), set(default), set(quick)
    if unknown := (default - names) | (quick - default):
        raise ValueError(f"names={sorted(unknown)} are invalid: expected table names.")
    marks = {name: pytest.mark.sweep for name in names - default}
    marks |= {name: pytest.mark.slow for name in default - quick}
    return [
        pytest.param(name, id=name, marks=marks.get(name, ())) for name in sorted(names)
    ]
