"""Parameters, optimizer state and averages in parts: equal results, an eighth each."""

import functools

import jax
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

import jaxseg
from jaxseg.analysis.hlo.collective import collectives
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import LARGE, make_mesh, state_sharding
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step

ADAM = OptimConfig(name="adamw", learning_rate=1e-3, clip_norm=1.0)
MOMENTUM = OptimConfig(name="sgd", learning_rate=0.1, clip_norm=1.0)


@functools.cache
def setup(config):
    """A small U-Net with most of its parameters in large kernels, and its step."""
    model = jaxseg.create_model("unet", 3, width=32, depth=1)
    tx, schedule = optim.build(config, 10)
    state = create_state(model, tx, seed=0, image_shape=(1, 8, 8, 3), ema=True)
    loss_fn = build_objective(LossConfig())
    options = StepOptions(schedule=schedule, ema=0.9)
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=loss_fn, options=options
    )
    return state, step


def batches(count):
    """Batches of eight images with very different numbers of void pixels."""
    for number in range(count):
        random = np.random.default_rng(number)
        label = random.integers(0, 3, (8, 8, 8)).astype(np.int32)
        label[:3] = 255
        label[4, 2:] = 255
        image = random.normal(0, 1, (8, 8, 8, 3)).astype(np.float32)
        yield {"image": image, "label": label}


def run(backend, step, state, count):
    """The state and the metrics after `count` steps."""
    step, state, rows = backend.compile(step), backend.put_state(state), []
    for batch in batches(count):
        state, metrics = step(state, backend.put_batch(batch))
        rows.append(jax.device_get(metrics))
    return state, rows


@functools.cache
def sharded(config):
    state, step = setup(config)
    return run(JitBackend(make_mesh(8), shard="fsdp"), step, state, 5)


@pytest.mark.parametrize("config", [MOMENTUM, ADAM], ids=lambda config: config.name)
def test_training_is_that_of_whole_states(config):
    state, step = setup(config)
    expected, wanted = run(JitBackend(make_mesh(8)), step, state, 5)
    got, rows = sharded(config)
    moved = np.abs(
        expected.params["classifier"]["kernel"] - state.params["classifier"]["kernel"]
    )
    assert moved.max() > 1e-3
    for part in ("batch_stats", "opt_state"):
        assert_close(getattr(got, part), getattr(expected, part), 1e-6)
    for part in ("params", "ema"):
        trees = [getattr(state, part) for state in (got, expected)]
        assert_close(*trees, 1e-6 if config is MOMENTUM else 3e-6)
        assert_close(*(steady(tree, expected.opt_state) for tree in trees), 1e-6)
    for row, want in zip(rows, wanted, strict=True):
        np.testing.assert_allclose(row["loss"], want["loss"], rtol=1e-6)
        np.testing.assert_allclose(row["grad_norm"], want["grad_norm"], rtol=1e-5)


def assert_close(got, expected, atol):
    close = functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=atol)
    jax.tree.map(close, jax.device_get(got), jax.device_get(expected))


def steady(tree, opt_state):
    """The weights without those whose direction rounding decides, which are set to 0.

    Adam divides a gradient by its own size. Most are 1e-5 to 1e-4 here; below 1e-6 one
    rounded otherwise moves its weight by a share of the learning rate.
    """
    sizes = optax.tree.get(jax.device_get(opt_state), "nu")
    if sizes is None:
        return tree
    large = jax.tree.map(lambda nu: np.sqrt(nu) >= 1e-6, sizes)
    assert np.concatenate([np.ravel(m) for m in jax.tree.leaves(large)]).mean() > 0.95
    return jax.tree.map(lambda x, m: np.where(m, x, 0), jax.device_get(tree), large)


def test_each_device_keeps_an_eighth():
    state, _ = sharded(ADAM)
    for part in (state.params, state.opt_state, state.ema):
        arrays = [x for x in jax.tree.leaves(part) if x.ndim]
        total = sum(x.nbytes for x in arrays)
        for device in jax.devices():
            here = sum(
                shard.data.nbytes
                for x in arrays
                for shard in x.addressable_shards
                if shard.device == device
            )
            assert total / 8 <= here < total / 8 * 1.15


def test_parameters_are_gathered_and_activations_are_not():
    state, step = setup(ADAM)
    backend = JitBackend(make_mesh(8), shard="fsdp")
    abstract = backend.abstract(state, next(batches(1)))
    program = backend.compile(step).lower(*abstract).compile()
    kernels = {x.shape for x in jax.tree.leaves(state.params) if x.size >= LARGE}
    moved = [c for c in collectives(program.as_text()) if c.kind != "all-reduce"]
    assert len(moved) >= len(kernels)
    for one in moved:
        assert one.kind == "all-gather"
        assert {shape.dims for shape in one.shapes} <= kernels


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((3, 3, 64, 64), P(None, None, None, "batch")),
        ((3, 3, 128, 64), P(None, None, "batch")),
        ((1024,), P("batch")),
        ((1023,), P()),
        ((1000,), P()),
        ((3, 3, 3, 99), P()),
        ((), P()),
    ],
)
def test_the_largest_even_axis_is_divided(shape, spec):
    assert state_sharding(make_mesh(8), shape, "fsdp").spec == spec
    assert state_sharding(make_mesh(8), shape, "none").spec == P()
    assert state_sharding(make_mesh(1), shape, "fsdp").spec == P()


def test_unknown_forms_are_named():
    with pytest.raises(ValueError, match="shard='rows' is invalid"):
        state_sharding(make_mesh(8), (8,), "rows")


MESHES = {
    "1": (1, 1, "none"),
    "8 whole": (8, 1, "none"),
    "8 in parts": (8, 1, "fsdp"),
    "2 x 4": (2, 4, "none"),
    "2 in parts x 4": (2, 4, "fsdp"),
}


def bits(tree):
    return [np.asarray(x).tobytes() for x in jax.tree.leaves(tree)]


def raw(state):
    return state.replace(rng=jax.random.key_data(state.rng))


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("8 in parts", "1"),
        ("8 in parts", "2 x 4"),
        ("8 in parts", "2 in parts x 4"),
        ("1", "8 in parts"),
        ("2 x 4", "8 whole"),
    ],
)
def test_checkpoints_change_meshes(tmp_path, stored, read):
    state, _ = setup(ADAM)
    trained, _ = sharded(ADAM)

    def backend(name):
        batch, space, shard = MESHES[name]
        return JitBackend(make_mesh(batch, space), shard)

    trained = backend(stored).put_state(trained)
    template = backend(read).put_state(state)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(5, trained, meta={"next_index": 40})
        checkpoints.wait()
        restored, meta = checkpoints.restore(5, template)
    assert bits(raw(restored)) == bits(raw(trained)) and meta == {"next_index": 40}
    assert bits(restored.params) != bits(template.params)
    for got, wanted in zip(
        jax.tree.leaves(restored), jax.tree.leaves(template), strict=True
    ):
        assert got.sharding.is_equivalent_to(wanted.sharding, got.ndim)
