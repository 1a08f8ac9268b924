"""All tiny networks on rows that devices share: no map is copied, equal gradients."""

import json
import pathlib

import pytest

from tests.contract.rows import SEGMENTING
from tests.parallel.space_networks import record

# The networks whose step copies maps, each with the reason.
TABLE = pathlib.Path(__file__).parents[2] / "experiments" / "pod" / "gathers.json"
EXCEPTIONS = json.loads(TABLE.read_text())
# Rounding of gradients, relative to the largest value; 2e-5 for the other networks.
ROUNDING = {"ocrnet_hrnet_w18": 4e-5, "refinenet_resnet50": 1e-4}


def test_exceptions_are_networks_with_reasons():
    assert EXCEPTIONS.keys() <= set(SEGMENTING)
    assert all(reason.endswith(".") for reason in EXCEPTIONS.values())


@pytest.mark.sweep
@pytest.mark.parametrize("name", SEGMENTING)
def test_a_step_copies_no_map_and_gradients_are_equal(name, fill):
    found = record(name, fill)
    assert bool(found["copied"]) == (name in EXCEPTIONS), found["copied"]
    assert found["logits"] <= 1e-5
    assert found["gradient"] <= ROUNDING.get(name, 2e-5)
