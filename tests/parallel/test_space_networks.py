"""All tiny networks on rows that devices share: no map is copied, equal gradients."""

import json
import pathlib

import jax
import numpy as np
import pytest

from tests.contract.rows import SEGMENTING
from tests.parallel.space_networks import copied_maps, gradients, step_text

# The networks whose step copies maps, each with the reason.
TABLE = pathlib.Path(__file__).parents[2] / "experiments" / "pod" / "gathers.json"
EXCEPTIONS = json.loads(TABLE.read_text())


@pytest.mark.sweep
@pytest.mark.parametrize("name", SEGMENTING)
def test_the_step_copies_no_map(name, fill):
    copied = {one.source for one in copied_maps(step_text(name, fill))}
    assert bool(copied) == (name in EXCEPTIONS), copied


@pytest.mark.sweep
@pytest.mark.parametrize("name", SEGMENTING)
def test_gradients_are_those_of_one_device(name, fill):
    (logits, got), (expected, wanted) = (
        gradients(name, fill, space) for space in (4, None)
    )
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()
    largest = max(np.abs(x).max() for x in jax.tree.leaves(wanted))

    def compare(path, a, b):
        bound = 1e-4 * max(np.abs(b).max(), 1e-3 * largest)
        assert np.abs(a - b).max() <= bound, jax.tree_util.keystr(path)

    jax.tree_util.tree_map_with_path(compare, got, wanted)
