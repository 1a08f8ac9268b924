"""Reads `model_table.json`, the stored properties of all architectures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

SIZE, CLASSES = (512, 512), 21  # The stored table is for this size and class count.
LOOP = "a loop of unknown length counts once"  # A note of a row.
TABLE = Path(__file__).with_name("model_table.json")


@dataclasses.dataclass(frozen=True)
class Row:
    """Contains the stored properties of one architecture.

    Attributes:
      name: The name in `jaxseg.list_models()`.
      parameters: Number of parameters that prediction uses.
      auxiliary: Number of parameters of heads that only training uses.
      gflops: The number of operations that compute the logits of one image, divided by
        1e9. A multiply-accumulate is 2 operations. None if the network does not accept
        images of the size for which the table was computed.
      paper: The arXiv id in the docstring of the function that builds the network, or
        None.
      note: A remark that says why `gflops` is missing or that it is a lower bound.
    """

    name: str
    parameters: int
    auxiliary: int
    gflops: float | None
    paper: str | None
    note: str = ""


def stored_rows() -> dict[str, Row]:
    """Reads the stored properties of all architectures from `model_table.json`.

    The result is a dictionary from the name of each architecture to its properties.
    """
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    return {fields["name"]: Row(**fields) for fields in rows}
