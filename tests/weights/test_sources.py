"""`SOURCES`: each row's table, networks and keys belong together."""

import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.weights.card import LICENCES
from jaxseg.weights.convert import flatten
from jaxseg.weights.load import model_shapes

ROWS = [
    pytest.param(
        source,
        network,
        id=f"{source.table}-{network.name}-{index}",
        marks=[pytest.mark.slow] if index or "hrnet" in source.table else [],
    )
    for source in weights.SOURCES
    for index, network in enumerate(source.networks)
]


def torch_keys(shapes, rules):
    """The PyTorch keys of a model; one number per tensor stands for it."""
    tiny = {p: np.zeros((1,) * len(s.shape)) for p, s in flatten(shapes).items()}
    tree = {}
    for path, value in tiny.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return weights.to_torch(tree, rules).keys()


@pytest.mark.parametrize(("source", "network"), ROWS)
def test_a_network_is_written_and_recognised(source, network):
    """Every variable has its key, and the keys lead back to the row."""
    model = create_model(network.name, 5, **dict(network.options))
    keys = torch_keys(model_shapes(model), source.rules())
    assert weights.detect(keys) is source


@pytest.mark.parametrize("source", weights.SOURCES, ids=lambda s: s.table)
def test_rows(source):
    """The table exists, and the licence note has something to say."""
    rules = source.rules()
    assert rules and all(len(rule) in (2, 3) for rule in rules)
    assert any(name in source.library for name in LICENCES)
    assert source.part == "backbone" or source.networks
    if source.part == "backbone":
        assert all(rule[1] is None or "/backbone/" in rule[1] for rule in rules)


def test_a_head_of_its_own_option():
    network = weights.Network("n", (("a", 1),), aux="aux_classifier.")
    assert network.options_for(["classifier.0.weight"]) == {"a": 1}
    assert network.options_for(["aux_classifier.0.weight"]) == {"a": 1, "aux": True}
