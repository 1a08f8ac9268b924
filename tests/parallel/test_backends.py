"""One device = sharded jit = pmap: parameters after steps, and confusion counts."""

import functools

import jax
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AxisType

from jaxseg.config import LossConfig, OptimConfig
from jaxseg.data import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.losses import build_objective
from jaxseg.metrics import ConfusionTotal
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.training.devices.backends import JitBackend, PmapBackend
from jaxseg.training.devices.mesh import make_mesh
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.augment import prepare_train
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import eval_step, train_step

COLORS = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}
SPEC = DatasetSpec("four", tuple("abcd"), ((0, 0, 0),) * 4, **COLORS)
CONFIG = OptimConfig(
    name="sgd", learning_rate=0.05, clip_norm=5.0, lr_multipliers=(("head/.*", 2.0),)
)
OBJECTIVES = {
    "plain": LossConfig(),
    "global": LossConfig(
        "top_k_cross_entropy",
        additional=(("dice", 0.5), ("lovasz_softmax", 0.5), ("boundary", 0.01)),
        options={
            "top_k_cross_entropy": {"fraction": 0.3, "anneal_steps": 8},
            "dice": {"per_image": False},
        },
        class_weights="median_frequency",
    ),
}


class Net(nn.Module):
    """Two convolutions, synchronized batch norm, an auxiliary head."""

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x, *, train=False):
        x = ConvNormAct(6, style=self.style, name="stem")(x, train=train)
        x = ConvNormAct(6, rate=2, style=self.style, name="body")(x, train=train)
        aux = Conv(4, 1, style=self.style, name="aux_head")(x)
        return {"logits": Conv(4, style=self.style, name="head")(x), "aux": aux}


def batches(count=5):
    """Batches of 16 images in which whole examples are void."""
    for number in range(count):
        random = np.random.default_rng(number)
        label = random.integers(0, 4, (16, 8, 6)).astype(np.uint8)
        label[:2] = 255
        label[4:9, :6] = 255
        image = random.integers(0, 256, (16, 8, 6, 3)).astype(np.uint8)
        seed = random.integers(0, 2**32, 16, dtype=np.uint32)
        yield {"image": image, "label": label, "seed": seed}


@functools.cache
def initial(seed=0):
    """The state before training, which is the same for all backends."""
    tx, _ = optim.build(CONFIG, 10)
    return create_state(Net(), tx, seed=seed, image_shape=(1, 8, 6, 3), ema=True)


def train(kind, devices, objective, space=1):
    """State and metrics after five steps on this many devices."""
    axis_name = "batch" if kind == "pmap" else None
    model = Net(BlockConfig(axis_name=axis_name))
    tx, schedule = optim.build(CONFIG, 10)
    state = initial()
    loss_fn = build_objective(
        OBJECTIVES[objective], class_pixels=(4, 3, 2, 1), axis_name=axis_name
    )
    prepare = functools.partial(prepare_train, color_jitter=0.3, **COLORS)
    options = StepOptions(prepare=prepare, schedule=schedule, ema=0.9)
    step = functools.partial(
        train_step,
        model=model,
        tx=tx,
        loss_fn=loss_fn,
        options=options,
        axis_name=axis_name,
    )
    if kind == "pmap":
        backend = PmapBackend(jax.devices()[:devices])
    else:
        backend = JitBackend(make_mesh(devices // space, space))
    run, state, rows = backend.compile(step), backend.put_state(state), []
    for batch in map(backend.put_batch, batches()):
        state, metrics = run(state, batch)
        rows.append(metrics)
    return jax.device_get((state.replace(rng=None), rows))


@functools.cache
def alone(objective):
    return train("jit", 1, objective)


def case(kind, devices, space, objective, *marks):
    name = f"{kind}-{devices}-{space}-{objective}"
    return pytest.param(kind, devices, space, objective, id=name, marks=marks)


@pytest.mark.parametrize(
    ("kind", "devices", "space", "objective"),
    [
        case("jit", 8, 1, "plain"),
        case("jit", 8, 2, "plain"),
        case("pmap", 2, 1, "plain", pytest.mark.sweep),
        case("pmap", 8, 1, "plain"),
        case("jit", 8, 2, "global", pytest.mark.slow),
        case("pmap", 8, 1, "global", pytest.mark.slow),
    ],
)
def test_training_is_the_same_everywhere(kind, devices, space, objective):
    expected, got = alone(objective), train(kind, devices, objective, space)
    start = np.abs(
        expected[0].params["head"]["kernel"] - expected[0].ema["head"]["kernel"]
    )
    assert start.max() > 1e-3 and expected[0].step == 5
    assert np.abs(expected[0].batch_stats["body"]["norm"]["mean"]).max() > 0.05
    for part in ("params", "batch_stats", "ema"):
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6),
            getattr(got[0], part),
            getattr(expected[0], part),
        )
    for row, wanted in zip(got[1], expected[1], strict=True):
        assert row["labeled"] == wanted["labeled"]
        for name, value in wanted.items():
            if name != "correct":
                np.testing.assert_allclose(row[name], value, rtol=1e-5, err_msg=name)
        assert abs(row["correct"] - wanted["correct"]) <= 1


def evaluate(kind, devices, size):
    """Confusion of 20 images in batches of `size`, filled up with void."""
    axis_name = "batch" if kind == "pmap" else None
    model = Net(BlockConfig(axis_name=axis_name))
    state = initial(seed=3)
    network = ImageNetwork(model, SPEC)
    step = functools.partial(
        eval_step,
        predict=lambda variables, batch: network.labels(variables, batch["image"]),
        num_classes=4,
        axis_name=axis_name,
    )
    if kind == "pmap":
        backend = PmapBackend(jax.devices()[:devices])
    else:
        backend = JitBackend(make_mesh(devices))
    run = backend.compile(step, donate=False)
    images = [{k: v[i] for k, v in b.items()} for b in batches(2) for i in range(10)]
    variables = backend.put_state(state.variables())
    total = ConfusionTotal(4)
    for first in range(0, 20, size):
        rows = images[first : first + size]
        empty = rows[-1] | {"label": np.full_like(rows[-1]["label"], 255)}
        rows = rows + [empty] * (-len(rows) % (-(-size // devices) * devices))
        stacked = {k: np.stack([row[k] for row in rows]) for k in rows[0]}
        total.add(run(variables, backend.put_batch(stacked)))
    return total.matrix[:-1]


@functools.cache
def counted_alone():
    return evaluate("jit", 1, 20)


@pytest.mark.parametrize("kind", ["jit", "pmap"])
def test_evaluation_is_the_same_everywhere(kind):
    expected = counted_alone()
    assert expected.sum() == sum((b["label"][:10] != 255).sum() for b in batches(2))
    assert (np.diag(expected) > 0).sum() >= 2
    for devices, size in ((1, 1), (1, 7), (2, 7), (8, 4)):
        np.testing.assert_array_equal(evaluate(kind, devices, size), expected)


def test_state_is_donated_and_the_callers_copy_lives():
    backend = JitBackend(make_mesh(2))
    batch = backend.put_batch({"x": np.ones(4, np.float32)})
    own = jax.numpy.ones(3)
    placed = backend.put_state(own)
    out, _ = backend.compile(lambda s, b: (s + b["x"].sum(), {}))(placed, batch)
    np.testing.assert_array_equal(out, 5)
    assert placed.is_deleted() and not own.is_deleted()
    placed = backend.put_state(own)
    backend.compile(lambda s, b: s + b["x"].sum(), donate=False)(placed, batch)
    assert not placed.is_deleted()


def test_mesh_axes_are_auto():
    mesh = make_mesh(space=2)
    assert dict(mesh.shape) == {"batch": 4, "space": 2}
    assert mesh.axis_types == (AxisType.Auto, AxisType.Auto)
    assert dict(make_mesh(3).shape) == {"batch": 3, "space": 1}


@pytest.mark.parametrize(("batch", "space"), [(5, 2), (0, 1), (None, 9)])
def test_impossible_meshes_are_named(batch, space):
    with pytest.raises(ValueError, match=f"space={space} is .* at most 8, the"):
        make_mesh(batch, space)


def test_uneven_batches_are_named():
    batch = {"image": np.zeros((6, 5, 4, 3), np.uint8)}
    for backend in (JitBackend(make_mesh(4)), PmapBackend(jax.devices()[:4])):
        with pytest.raises(ValueError, match=r"image.shape\[0\]=6 is invalid"):
            backend.put_batch(batch)
    with pytest.raises(ValueError, match=r"image.shape\[1\]=5 is invalid"):
        JitBackend(make_mesh(3, 2)).put_batch(batch)


def test_batch_lands_in_equal_parts():
    mesh = make_mesh(4, 2)
    batch = {"image": np.arange(8 * 6 * 2).reshape(8, 6, 2), "seed": np.arange(8)}
    placed = JitBackend(mesh).put_batch(batch)
    assert {s.data.shape for s in placed["image"].addressable_shards} == {(2, 3, 2)}
    assert {s.data.shape for s in placed["seed"].addressable_shards} == {(2,)}
    np.testing.assert_array_equal(placed["image"], batch["image"])
