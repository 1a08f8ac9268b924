"""Values that Python configurations hold: stored as JSON, or explained in one line."""

import enum
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig
from jaxseg.runs.config_file import load_config
from jaxseg.runs.serialize import from_dict, to_dict


class Depth(enum.IntEnum):
    DEEP = 3


WORKS = {  # option of a network -> as it is stored
    "numpy integer": (np.int64(5), 5),
    "numpy float": (np.float64(0.5), 0.5),
    "numpy bool": (np.bool_(True), True),
    "numpy text": (np.str_("a"), "a"),
    "numpy array": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "jax array": (jnp.arange(2), [0, 1]),
    "jax type": (jnp.bfloat16, "bfloat16"),
    "numpy type": (np.float32, "float32"),
    "data type": (np.dtype("int8"), "int8"),
    "path": (pathlib.Path("a") / "b", "a/b"),
    "enumeration": (Depth.DEEP, 3),
    "nested": ({"a": (np.int8(1), [None])}, {"a": [1, [None]]}),
}


@pytest.mark.parametrize(("value", "stored"), WORKS.values(), ids=WORKS)
def test_values_that_have_a_form_in_json(value, stored):
    tree = to_dict(Config(model=ModelConfig("unet", {"option": value})))
    assert json.loads(json.dumps(tree))["model"]["options"] == {"option": stored}


EXPLAINED = {
    "set": {1, 2},
    "complex number": 3j,
    "complex array": np.array([3j]),
    "random key": jax.random.key(0),
    "masked value": np.ma.masked,
    "bytes": b"a",
    "function": len,
    "class": object,
    "nan": float("nan"),
    "infinite array": np.array([np.inf]),
    "number as a key": {1: 2},
}


@pytest.mark.parametrize("value", EXPLAINED.values(), ids=EXPLAINED)
def test_values_that_have_none_are_named(value):
    config = Config(model=ModelConfig("unet", {"deep": {"option": value}}))
    with pytest.raises(ValueError, match=r"^model.options.deep.option=.* is invalid"):
        to_dict(config)


def test_a_configuration_that_contains_itself_is_refused():
    options = {}
    options["deep"] = options
    with pytest.raises(ValueError, match="and no value that contains itself"):
        to_dict(Config(model=ModelConfig("unet", options)))


def test_fields_take_numpy_numbers_paths_and_types():
    config = Config(
        data=DataConfig(raw_dir=pathlib.Path("x"), crop=np.array([3, 4])),
        train=TrainConfig(steps=np.int64(5), dtype=jnp.bfloat16),
    )
    found = from_dict(Config, to_dict(config))
    assert (found.data.raw_dir, found.data.crop) == ("x", (3, 4))
    assert (found.train.steps, found.train.dtype) == (5, "bfloat16")
    assert type(found.train.steps) is int


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("config = Config(train=TrainConfig(steps={5}))", "train.steps={5} is invalid"),
        ("config = Config(train=TrainConfig(steps=5j))", "train.steps=5j is invalid"),
        ("config = Config(model='unet')", "model='unet' is invalid: expected a dict"),
        ("import sys; sys.exit('no')", "SystemExit: no"),
        ("raise RuntimeError('one\\ntwo')", "RuntimeError: one two"),
    ],
)
def test_a_file_with_a_wrong_value_is_named(tmp_path, body, message):
    path = tmp_path / "c.py"
    path.write_text(f"from jaxseg.config import *\n{body}\n")
    with pytest.raises(ValueError, match=r"^config file .*c\.py: ") as caught:
        load_config(path)
    assert message in str(caught.value) and "\n" not in str(caught.value)
