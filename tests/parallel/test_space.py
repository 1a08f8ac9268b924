"""Devices that share one image: equal results, border rows exchanged, no map gathered.

Real wiring, few channels, eight devices as 2 x 4 (rows) and as 2 x 2 x 2 (tiles).
"""

import functools

import jax
import numpy as np
import pytest

import jaxseg
from jaxseg.analysis.hlo.collective import collectives
from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.metrics import confusion
from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import batch_sharding, make_mesh, within_mesh
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.state import TrainState
from jaxseg.training.step.steps import train_step

BATCH = 4
NETS = {
    "unet": {"width": 3, "depth": 3},
    "deeplabv3plus_resnet50": {
        "depth": 18,
        "width": 4,
        "blocks": (1, 1, 1, 1),
        "features": 8,
        "low": 4,
        "dropout": 0.0,
        "aux": 4,
    },
    "hrnet_w18": {
        "width": 4,
        "stem": 4,
        "first_blocks": 1,
        "first_features": 4,
        "blocks": 1,
        "modules": (1, 1, 1),
    },
}
SIZES = {"unet": (32, 32), "deeplabv3plus_resnet50": (128, 64), "hrnet_w18": (128, 64)}


def problem(name, fill):
    """Model, state, update and a batch with unequal numbers of void pixels."""
    model, size = jaxseg.create_model(name, 5, **NETS[name]), SIZES[name]
    tx, _ = optim.build(OptimConfig(name="sgd", learning_rate=0.05), 10)
    variables = fill(model, (1, *size, 3))
    state = TrainState(
        step=np.int32(0),
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=jax.eval_shape(tx.init, variables["params"]),
        ema=None,
        rng=jax.random.key(0),
    )
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), state.opt_state)
    random = np.random.default_rng(0)
    label = random.integers(0, 5, (BATCH, *size)).astype(np.int32)
    label[0], label[1, 7:] = 255, 255
    image = random.normal(0, 1, (BATCH, *size, 3)).astype(np.float32)
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=build_objective(LossConfig())
    )
    batch = {"image": image, "label": label}
    return model, state.replace(opt_state=zeros), step, batch


@functools.cache
def trained_alone(name, fill):
    """The state and the metrics after a step on one device."""
    _, state, step, batch = problem(name, fill)
    return jax.jit(step)(state, batch)


def assert_near(got, expected, share):
    """Every array within `share` of its own largest value."""

    def compare(path, a, b):
        a, b = np.asarray(a), np.asarray(b)
        worst = np.abs(a - b).max() / (np.abs(b).max() + 1e-3)
        assert worst < share, (jax.tree_util.keystr(path), worst)

    jax.tree_util.tree_map_with_path(compare, got, expected)


def check_program(text, size):
    """Border rows are exchanged; no map is gathered or summed up whole."""
    found = collectives(text)
    assert sum(one.kind == "collective-permute" for one in found) >= 10
    kinds = {one.kind for one in found}
    assert kinds == {"collective-permute", "all-reduce"}
    heights = {size[0] // 2**level for level in range(6)}
    for one in found:
        for shape in one.shapes:
            if one.kind == "all-reduce" and len(shape.dims) == 4:
                assert shape.dims[0] > BATCH or shape.dims[1] not in heights, one


@pytest.mark.parametrize(
    ("name", "space"),
    [
        pytest.param("unet", 4, marks=pytest.mark.slow),
        pytest.param("unet", (2, 2), marks=pytest.mark.slow),
        pytest.param("deeplabv3plus_resnet50", 4, marks=pytest.mark.slow),
        pytest.param("hrnet_w18", 4, marks=pytest.mark.sweep),
    ],
)
def test_training_on_shared_rows(name, space, fill):
    _, state, step, batch = problem(name, fill)
    expected = trained_alone(name, fill)
    backend = JitBackend(make_mesh(2, space))
    program = backend.compile(step).lower(*backend.abstract(state, batch)).compile()
    got = program(backend.put_state(state), backend.put_batch(batch))
    check_program(program.as_text(), SIZES[name])
    before = state.params
    for key, share in (("params", 1e-5), ("batch_stats", 1e-5)):
        assert_near(getattr(got[0], key), getattr(expected[0], key), share)
    change = functools.partial(jax.tree.map, lambda a, b: np.asarray(a) - b)
    assert_near(change(got[0].params, before), change(expected[0].params, before), 1e-3)
    assert got[1]["labeled"] == expected[1]["labeled"]
    np.testing.assert_allclose(got[1]["loss"], expected[1]["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "space"),
    [("unet", 4), ("unet", (2, 2)), ("deeplabv3plus_resnet50", 4), ("hrnet_w18", 4)],
)
def test_inference_on_shared_rows(name, space, fill):
    model, state, _, batch = problem(name, fill)

    def infer(variables, batch):
        logits = model.apply(variables, batch["image"])["logits"]
        return logits, confusion(logits.argmax(-1), batch["label"], 5)

    expected, matrix = jax.jit(infer)(state.variables(), batch)
    mesh = make_mesh(2, space)
    placed = {
        k: jax.device_put(v, batch_sharding(mesh, v.ndim)) for k, v in batch.items()
    }
    program = jax.jit(within_mesh(infer, mesh)).lower(state.variables(), placed)
    program = program.compile()
    logits, counts = program(state.variables(), placed)
    check_program(program.as_text(), SIZES[name])
    assert 8 * np.prod(logits.sharding.shard_shape(logits.shape)) == logits.size
    assert_near(logits, expected, 1e-5)
    np.testing.assert_array_equal(counts, matrix)
