"""Refuses options that would have no effect without another option."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any


def refuse_unused(
    group: Any,
    names: Iterable[str] | None = None,
    *,
    prefix: str = "",
    needs: str,
) -> None:
    """Raises ValueError if an option of a group is set that has no effect.

    Args:
      group: The options, a dataclass whose fields have defaults.
      names: The fields that have no effect. By default these are all fields.
      prefix: The prefix of the options in the interface, such as "crf.".
      needs: What the options need in order to have an effect, such as "--crf".
    """
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        if (names is not None and field.name not in names) or value == field.default:
            continue
        raise ValueError(
            f"{prefix}{field.name}={value!r} is invalid without {needs}: expected "
            f"{field.default!r}, because the option would have no effect. Pass {needs} "
            "as well, or leave the option out."
        )
