"""The measurement of the receptive field during training: against path counts."""

import io

import numpy as np
import pytest
from flax import linen as nn
from PIL import Image

from jaxseg import analysis
from jaxseg.config import Config, DataConfig, LabConfig, ModelConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.lab.training_field import (
    TrainingField,
    field_values,
    grid_values,
    training_field,
)
from jaxseg.nn import Conv
from jaxseg.tasks.checks import check

RATES = (1, 2)


class Stack(nn.Module):
    """Layers without activations, whose gradients are the path counts."""

    @nn.compact
    def __call__(self, x, train=False):
        for number, rate in enumerate(RATES):
            x = Conv(1, rate=rate, bias=False, name=f"layer{number}")(x)
        return {"logits": x}


def variables(value):
    kernel = np.full((3, 3, 1, 1), value, np.float32)
    return {"params": {f"layer{n}": {"kernel": kernel} for n in range(len(RATES))}}


def test_numbers_are_those_of_the_path_counts():
    noise = np.random.default_rng(0).normal(size=(1, 16, 24, 1)).astype(np.float32)
    measure = TrainingField(Stack(), noise)
    found = measure(variables(1.0))
    paths = np.outer(*[analysis.path_counts(RATES)] * 2).astype(float)
    fit = analysis.gaussian_fit(paths**2)
    assert found.values["sigma_rows"] == pytest.approx(fit.sigma[0], rel=1e-5)
    assert found.values["gaussian_fit"] <= 1 and found.values["area"] == 49
    assert found.values["grid_2"] > 0
    picture = Image.open(io.BytesIO(found.figures["effective_field"]))
    assert picture.width > picture.height > 100
    dead = measure(variables(0.0))  # Its gradient and its logits are zero.
    assert dead.values == {"grid_2": None, "grid_4": None, "grid_8": None}
    assert dead.figures == {}


def test_numbers_of_maps():
    field = np.zeros((9, 9))
    field[4, 2:7] = 1
    found = field_values(field)
    assert found["sigma_rows"] == 0 and found["area"] == 5
    assert found["sigma_columns"] == pytest.approx(np.std(range(5)))
    stripes = np.tile([[0.0, 1.0]], (8, 4))[None, :, :, None]
    grids = grid_values(stripes)
    assert grids["grid_2"] == pytest.approx(63 / 3) and grids["grid_8"] is None


def test_options_decide_whether_a_run_is_measured():
    spec = DATASETS["shapes"].spec
    assert training_field(Config(), spec) is None
    check(Config(lab=LabConfig(every=5)))
    model, data = ModelConfig("point_transformer"), DataConfig("rooms")
    with pytest.raises(ValueError, match=r"lab.every=5 is invalid: expected 0 with"):
        check(Config(model, data, lab=LabConfig(every=5)))


def test_large_logits_are_measured_in_their_middle(monkeypatch):
    monkeypatch.setattr("jaxseg.lab.training_field.WINDOW", 16)
    noise = np.random.default_rng(0).normal(size=(1, 17, 24, 1)).astype(np.float32)
    found = TrainingField(Stack(), noise)(variables(1.0)).values
    logits = np.asarray(Stack().apply(variables(1.0), noise)["logits"])
    expected = grid_values(logits[:, :16, 4:20])
    assert found["grid_2"] == pytest.approx(expected["grid_2"], rel=1e-4)
