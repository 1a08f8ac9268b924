"""Chooses the network for published weights, which have names such as timm/NAME."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxseg.models.families import FAMILIES
from jaxseg.runs.wanted import INNER, Wanted
from jaxseg.weights.published import table
from jaxseg.weights.published.entry import Entry


def entry_of(address: str, path: str) -> Entry | None:
    """Returns the `Entry` of the published weights that `address` names, or None.

    An `Entry` describes the weights and their network. The result is None if the
    address names something else, such as a local file.
    `jaxseg models --pretrained` lists all published weights.

    Args:
      address: The source as the user has written it, such as "timm/NAME".
      path: The local path of the source. It equals `address` if a local file or folder
        has this name. Published weights of the same name are then ignored.
    """
    return None if address == path else table.find(address)


def with_entry(wanted: Wanted, address: str, path: str) -> Wanted:
    """Returns the settings of a user, with missing ones taken from published weights.

    If the weights are those of a whole network, they determine the network and its
    options. If they are those of a backbone, only the backbone is imported. They then
    also determine the backbone of a family of networks, such as deeplabv3plus.

    Args:
      wanted: The settings of the user.
      address: The source as the user has written it, such as "timm/NAME".
      path: The local path of the source.
    """
    entry = entry_of(address, path)
    if entry is None:
        return wanted
    if entry.network:
        if wanted.model not in ("", entry.network):
            return wanted
        model: dict[str, Any] = {"options": dict(entry.options)}
        options = _merged({"model": model}, wanted.options)
        return dataclasses.replace(wanted, model=entry.network, options=options)
    wanted = dataclasses.replace(wanted, part=wanted.part or "backbone")
    if wanted.model not in FAMILIES or wanted.backbone not in ("", entry.backbone):
        return wanted
    inner = {"model": {"options": {INNER: dict(entry.options)}}}
    options = _merged(inner, wanted.options) if entry.options else wanted.options
    return dataclasses.replace(wanted, backbone=entry.backbone, options=options)


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a tree of options in which the values of `more` precede."""
    result = dict(base)
    for name, value in more.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = _merged(result[name], value) if nested else value
    return result
