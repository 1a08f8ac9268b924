"""Old names of options and fields are read, with a notice that names the new ones."""

import logging

import pytest

from jaxseg.config import Config, ModelConfig
from jaxseg.runs import renamed
from jaxseg.runs.config_file import load_config
from jaxseg.runs.serialize import from_dict, to_dict

SAMPLES = {  # a value of each old field that does not take the number 0.25
    "data.data_dir": "prepared",
    "data.duplicate": ["car"],
    "data.path": "raw",
    "data.points": 64,
    "loss.extra": [["dice", 0.5]],
    "optim.decay": "all",
    "optim.groups": [["head/.*", 10.0]],
    "optim.reference_batch": 16,
    "train.accumulate": 2,
    "train.driver": "pmap",
    "train.keep_latest": 5,
    "train.overlay_count": 7,
    "train.space": [2, 1],
}


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
    part, _, last = new.rpartition(".")
    values.get(part, {}).pop(last, None)
    value = SAMPLES.get(old, 0.25)
    put(values, old, value)
    with caplog.at_level(logging.WARNING):
        found = to_dict(from_dict(Config, values))
    assert value_at(found, new) == value
    assert f"{old} is now called {new}" in caplog.text
    with pytest.raises(KeyError):
        value_at(found, old)


def test_one_line_announces_all_old_names_of_a_configuration(caplog):
    values = to_dict(Config(model=ModelConfig("unet")))
    for old, value in SAMPLES.items():
        part, _, last = renamed.FIELDS[old].partition(".")
        del values[part][last]
        put(values, old, value)
    with caplog.at_level(logging.WARNING):
        from_dict(Config, values)
        from_dict(Config, values)
    assert len(caplog.records) == 1
    assert caplog.text.count("is now called") == len(SAMPLES)


def test_the_current_name_counts_where_both_are_given():
    found = renamed.current_fields({"data": {"colour": 0.1, "color_jitter": 0.3}})
    assert found == {"data": {"color_jitter": 0.3}}


def test_the_old_name_of_a_value_is_read(caplog):
    with caplog.at_level(logging.WARNING):
        found = from_dict(Config, {"train": {"shard": "batch"}})
        for words in (["--train.shard", "batch"], ["--train.shard=batch"]):
            line = renamed.current_options(["train", *words])
            assert "=".join(line[1:]) == "--train.shard=fsdp"
    assert found.train.shard == "fsdp"
    assert caplog.text.count("train.shard='batch' is now called") == 1


COMMANDS = [("x", *names) for names in renamed.OPTIONS.items()] + [
    (command, *names)
    for command, options in renamed.COMMAND_OPTIONS.items()
    for names in options.items()
]


@pytest.mark.parametrize(("command", "old", "new"), COMMANDS)
def test_old_options_are_read(command, old, new, caplog):
    def current(*words):
        return renamed.current_options([command, *words])[1:]

    with caplog.at_level(logging.WARNING):
        assert current(old, "0.5") == [new, "0.5"]
        assert current(f"{old}=0.5") == [f"{new}=0.5"]
        underscored = old.replace("-", "_").replace("__", "--", 1)
        assert current(underscored) == [new]
    assert 1 <= caplog.text.count("is now called") <= 2  # once for each spelling
    assert current("--batch_size", "--data.crop=3") == ["--batch_size", "--data.crop=3"]


def test_options_of_another_command_keep_their_names():
    line = ["models", "--form", "full", "--only", "x", "effective"]
    assert renamed.current_options(line) == line
    assert renamed.current_options([]) == []


@pytest.mark.parametrize(("old", "new"), renamed.TOOLS.items())
def test_old_tools_of_the_lab_are_read(old, new, caplog):
    assert renamed.current_options(["lab", old, "unet"]) == ["lab", new, "unet"]
    assert f"lab {old} is now called lab {new}" in caplog.text
    assert renamed.current_options(["lab", new, old]) == ["lab", new, old]


def test_a_python_file_with_old_names_is_read(tmp_path, caplog):
    file = tmp_path / "old.py"
    file.write_text(
        "import dataclasses\n"
        "from jaxseg import config as c\n"
        "from jaxseg.config import Config, OptimConfig\n"
        "train = c.TrainConfig(accumulate=2, shard='batch')\n"
        "base = Config(train=train, optim=OptimConfig(groups=(('a', 2.0),)))\n"
        "data = dataclasses.replace(base.data, path='raw')\n"
        "config = dataclasses.replace(base, data=data)\n"
    )
    with caplog.at_level(logging.WARNING):
        found = load_config(file)
    assert (found.train.grad_accum_steps, found.train.shard) == (2, "fsdp")
    assert found.optim.lr_multipliers == (("a", 2.0),)
    assert found.data.raw_dir == "raw"
    assert "train.accumulate is now called train.grad_accum_steps" in caplog.text


@pytest.mark.parametrize("text", ["Config().train.accumulate", "TrainConfig(**OLD)"])
def test_an_old_name_that_a_file_uses_otherwise_is_explained(text, tmp_path):
    file = tmp_path / "old.py"
    old = "OLD = {'accumulate': 2}\n"
    file.write_text(f"from jaxseg.config import *\n{old}config = {text}\n")
    with pytest.raises(ValueError, match=r"is now called train\.grad_accum_steps"):
        load_config(file)
