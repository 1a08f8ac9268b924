"""Old names of options and fields are read, with a notice that names the new ones."""

import logging

import pytest

from jaxseg.config import Config, ModelConfig
from jaxseg.runs import renamed
from jaxseg.runs.serialize import from_dict, to_dict


@pytest.fixture(autouse=True)
def nothing_announced():
    """Names are announced once in a process."""
    renamed.announce.cache_clear()


def put(tree, name, value):
    """Sets a dotted name in a tree of dictionaries."""
    *parents, last = name.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def value_at(tree, name):
    for part in name.split("."):
        tree = tree[part]
    return tree


@pytest.mark.parametrize("old", sorted(renamed.FIELDS))
def test_stored_configurations_with_old_names_are_read(old, caplog):
    new, values = renamed.FIELDS[old], to_dict(Config(model=ModelConfig("unet")))
    data = values["data"]
    data.pop(new.rpartition(".")[2], None)
    put(values, old, 0.25)
    with caplog.at_level(logging.WARNING):
        found = to_dict(from_dict(Config, values))
    assert value_at(found, new) == 0.25
    assert f"{old} is now called {new}" in caplog.text
    with pytest.raises(KeyError):
        value_at(found, old)


def test_the_current_name_counts_where_both_are_given():
    found = renamed.current_fields({"data": {"colour": 0.1, "color_jitter": 0.3}})
    assert found == {"data": {"color_jitter": 0.3}}


@pytest.mark.parametrize("old", sorted(renamed.OPTIONS))
def test_old_options_are_read(old, caplog):
    new = renamed.OPTIONS[old]
    with caplog.at_level(logging.WARNING):
        assert renamed.current_options(["x", old, "0.5"]) == ["x", new, "0.5"]
        assert renamed.current_options([f"{old}=0.5"]) == [f"{new}=0.5"]
        underscored = old.replace("-", "_").replace("__", "--", 1)
        assert renamed.current_options([underscored]) == [new]
    assert 1 <= caplog.text.count("is now called") <= 2  # once for each spelling
    assert renamed.current_options(["--batch_size", "--data.crop=3"]) == [
        "--batch_size",
        "--data.crop=3",
    ]
