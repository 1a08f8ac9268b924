"""Compares formulas for the receptive fields of stacked atrous layers with experiments.

The formulas hold for linear layers. The experiments count paths through the layers and
measure the responses of layers with random weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg import analysis
from jaxseg.lab.page import Table
from jaxseg.lab.stack import Stack

DRAWS = 1000  # chains with random weights over which a response is averaged
COLUMNS = ("rates", "values", "field", "touched", "coverage", "evenness", "sigma")


def theory_table(stacks: Sequence[Stack], kernel: int) -> Table:
    """Returns a table of receptive-field properties from formulas and experiments.

    The table has these columns:

    - "field": the size of the receptive field.
    - "touched": the number of positions in the field that are read.
    - "coverage": touched / field.
    - "evenness": the mean of the path counts, divided by their maximum.
    - "sigma": the standard deviation of the positions, weighted by the path counts.

    Each stack has three rows. The row "closed form" uses formulas. The row "counted"
    uses path counts, which are added up layer by layer. The row "measured" replaces the
    path counts by the mean squared impulse response of 1000 stacks with random weights.
    All values are along one axis. If the rates differ between the axes, each axis has
    three rows.

    Args:
      stacks: The stacks of layers.
      kernel: The kernel size.
    """
    rows: list[tuple[Any, ...]] = []
    for stack in stacks:
        axes = {"": stack.rows}
        if not stack.is_square:
            axes = {" (rows)": stack.rows, " (columns)": stack.columns}
        for word, rates in axes.items():
            rows += [(stack.name + word, *row) for row in _rows(rates, kernel)]
    return Table("Theory and measurement along one axis", COLUMNS, rows)


def _rows(rates: tuple[int, ...], kernel: int) -> list[tuple[Any, ...]]:
    theory = analysis.chain_theory(rates, kernel)
    closed = (theory.field, theory.touched, theory.coverage)
    counts = analysis.path_counts(rates, kernel)
    response = analysis.sampled_response(rates, kernel, draws=DRAWS)
    return [
        ("closed form", *closed, theory.evenness, theory.sigma),
        ("counted", *_properties(counts)),
        ("measured", *_properties(response)),
    ]


def _properties(values: np.ndarray) -> tuple[int, int, float, float, float]:
    """Returns field, touched, coverage, evenness and sigma of values by position."""
    touched = int(np.count_nonzero(values))
    share = values / values.sum()
    place = np.arange(values.size)
    sigma = float(np.sqrt(share @ (place - share @ place) ** 2))
    even = float(values.mean() / values.max())
    return values.size, touched, touched / values.size, even, sigma
