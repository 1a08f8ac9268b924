"""Prints the list of published weights for `jaxseg models --pretrained`."""

from __future__ import annotations

import json

from jaxseg.cli.model_parts import aligned
from jaxseg.weights.published import table


def pretrained_rows(pattern: str, *, as_json: bool) -> str:
    """Returns the published weights that match a pattern, as a table or as JSON.

    Args:
      pattern: A part of the name of the weights, of their network or of their backbone,
        or a pattern with wildcards. An empty pattern matches all weights.
      as_json: Whether to return the text of a JSON list, with all fields of each entry,
        instead of a table.

    Raises:
      ValueError: If nothing matches.
    """
    found = table.matching(pattern)
    if as_json:
        return json.dumps([table.row_of(entry) for entry in found], indent=1)
    cells = [
        (
            entry.name,
            entry.title,
            entry.data,
            "-" if entry.score is None else f"{entry.score:.2f} {entry.metric}",
            entry.license,
        )
        for entry in found
    ]
    return aligned([("name", "network", "data", "score", "license"), *cells])
