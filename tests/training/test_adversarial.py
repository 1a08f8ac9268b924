"""The alternating step: its order, its masks, and the same on all backends."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxseg.config import LossConfig
from jaxseg.losses.adversarial import build_adversarial
from jaxseg.tasks.pix2pix_batch import label_picture, paired
from jaxseg.training.devices.backends import JitBackend, PmapBackend
from jaxseg.training.devices.mesh import make_mesh
from jaxseg.training.step.adversarial import Players, train_step
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state

CLASSES = 3
PAPER = build_adversarial(LossConfig("adversarial", additional=(("l1", 2.0),)))
PLAYERS = Players(optax.sgd(0.1, momentum=0.5), optax.sgd(0.3))


class Generator(nn.Module):
    """Two pixels wide, batch statistics."""

    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Conv(4, (3, 3), use_bias=False, name="conv")(x)
        axis = None if self.is_initializing() else self.axis_name
        x = nn.BatchNorm(not train, axis_name=axis, momentum=0.9, name="norm")(x)
        return nn.Conv(CLASSES, (1, 1), name="last")(nn.relu(x))


class Judge(nn.Module):
    """A patch of 3x3 pixels."""

    @nn.compact
    def __call__(self, condition, picture):
        x = jnp.concatenate([condition, picture], -1)
        x = nn.Conv(5, (3, 3), (2, 2), name="conv")(x)
        return nn.Conv(1, (1, 1), name="last")(jnp.tanh(x))[..., 0]


class Pair(nn.Module):
    """As `jaxseg.models.pix2pix.Pix2Pix`."""

    axis_name: str | None = None

    def setup(self):
        self.generator, self.discriminator = Generator(self.axis_name), Judge()

    def __call__(self, image, *, train=False):
        logits = self.generator(image, train=train)
        if self.is_initializing():
            self.discriminator(image, jnp.tanh(logits))
        return {"logits": logits}

    def judge(self, condition, picture, *, train):
        return self.discriminator(condition, picture)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    label = random.integers(0, CLASSES, (8, 6, 6)).astype(np.int32)
    label[0], label[1, :4], label[5, :, 1:] = 255, 255, 255
    image = random.normal(size=(8, 6, 6, 3)).astype(np.float32)
    return {"image": image, "label": label}


prepare = functools.partial(
    paired, prepare=lambda b: b, direction="photo_to_labels", num_classes=CLASSES
)


@functools.cache
def start(ema=False):
    return create_state(Pair(), PLAYERS, seed=0, image_shape=(1, 6, 6, 3), ema=ema)


def stepper(loss_fn=PAPER, axis_name=None, **options):
    return functools.partial(
        train_step, model=Pair(axis_name), tx=PLAYERS, loss_fn=loss_fn,
        options=StepOptions(prepare=prepare, **options), axis_name=axis_name,
    )  # fmt: skip


def close(one, other, **how):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **how), one, other)


def cross_entropy(logits, real):
    p = jax.nn.sigmoid(logits)
    return -jnp.log(p if real else 1 - p).mean()


@jax.jit
def slow_step(state, batch):
    """The step as the paper has it, each gradient on its own."""
    model, old = Pair(), state.params
    known = (batch["label"] != 255)[..., None]
    target = jnp.where(known, label_picture(batch["label"], CLASSES), -1)

    def generate(generator):
        out, new = model.apply(
            {"params": {**old, "generator": generator}, "batch_stats": state.batch_stats},
            batch["image"], train=True, mutable=["batch_stats"],
        )  # fmt: skip
        return jnp.where(known, jnp.tanh(out["logits"]), -1), new["batch_stats"]

    def judge(discriminator, picture):
        params = {"params": {**old, "discriminator": discriminator}}
        return model.apply(params, batch["image"], picture, train=True, method="judge")

    fake, stats = generate(old["generator"])

    def against(discriminator):
        real = cross_entropy(judge(discriminator, target), True)
        return 0.5 * (real + cross_entropy(judge(discriminator, fake), False))

    slope = jax.grad(against)(old["discriminator"])
    now = jax.tree.map(lambda p, g: p - 0.3 * g, old["discriminator"], slope)

    def whole(generator):
        picture, _ = generate(generator)
        error = (
            jnp.where(known, jnp.abs(picture - target), 0).sum() / known.sum() / CLASSES
        )
        fooled = cross_entropy(judge(now, picture), True)
        return fooled + 2 * error, (fooled, error)

    values, slope = jax.value_and_grad(whole, has_aux=True)(old["generator"])
    moved = jax.tree.map(lambda p, g: p - 0.1 * g, old["generator"], slope)
    return (
        values,
        optax.tree.norm(slope),
        {"generator": moved, "discriminator": now},
        stats,
    )


@pytest.mark.slow
def test_one_step_by_definition(batch):
    """Discriminator on the old pictures, then generator under the new judge."""
    (loss, (fooled, error)), norm, params, stats = slow_step(start(), batch)
    made, metrics = jax.jit(stepper())(start(), batch)
    close(made.params, params, atol=1e-6)
    close(made.batch_stats["generator"], stats["generator"], atol=1e-6)
    close(metrics["loss"], loss, rtol=1e-5)
    close(metrics["loss/adversarial"], fooled, rtol=1e-5)
    close(metrics["loss/l1"], error, rtol=1e-5)
    close(metrics["grad_norm"], norm, rtol=1e-4)
    assert metrics["labeled"] == (batch["label"] != 255).sum() and made.step == 1


def test_void_pixels_teach_nobody(batch):
    """Where nothing is known, true and made pictures are the same: -1."""
    given = jax.device_get(jax.jit(prepare)(batch))
    hidden = ~given["known"]
    assert (given["target"][hidden] == -1).all() and hidden.any()
    all_void = dict(batch, label=np.full_like(batch["label"], 255))
    state = start()
    moved, metrics = jax.jit(stepper())(state, all_void)
    close(moved.params["generator"], state.params["generator"], atol=0)
    assert metrics["grad_norm"] == metrics["loss/l1"] == metrics["labeled"] == 0
    assert metrics["loss/adversarial"] > 0


def test_without_an_adversary_nobody_judges(batch):
    state = start()
    moved, metrics = jax.jit(stepper(build_adversarial(LossConfig("l1"))))(state, batch)
    close(moved.params["discriminator"], state.params["discriminator"], atol=0)
    assert "loss/real" not in metrics and metrics["loss"] == metrics["loss/l1"]
    kernels = (s.params["generator"]["last"]["kernel"] for s in (moved, state))
    assert np.abs(next(kernels) - next(kernels)).max() > 1e-3


def run_on(kind, devices, batch):
    axis_name = "batch" if kind == "pmap" else None
    step = stepper(axis_name=axis_name, ema=0.9)
    if kind == "pmap":
        backend = PmapBackend(jax.devices()[:devices])
    else:
        backend = JitBackend(make_mesh(devices))
    run = backend.compile(step)
    state, rows = backend.put_state(start(ema=True)), []
    for shift in range(3):
        moved = {name: np.roll(value, shift, 1) for name, value in batch.items()}
        state, metrics = run(state, backend.put_batch(moved))
        rows.append(metrics)
    return jax.device_get((state.replace(rng=None), rows))


@functools.cache
def alone():
    return {}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "devices"), [("jit", 4), ("pmap", 4)])
def test_all_backends_train_alike(kind, devices, batch):
    """With unequal void counts on the devices, to 1e-6."""
    if "one" not in alone():
        alone()["one"] = run_on("jit", 1, batch)
    (expected, rows), (got, others) = alone()["one"], run_on(kind, devices, batch)
    for part in ("params", "batch_stats", "ema"):
        close(getattr(got, part), getattr(expected, part), rtol=1e-5, atol=2e-6)
    for row, other in zip(rows, others, strict=True):
        close(
            {k: v for k, v in other.items() if k != "correct"},
            {k: v for k, v in row.items() if k != "correct"},
            rtol=1e-4, atol=1e-5,
        )  # fmt: skip
    start_params = jax.device_get(start().params)
    gap = jax.tree.map(lambda a, b: np.abs(a - b).max(), start_params, expected.params)
    assert all(value > 1e-5 for value in jax.tree.leaves(gap["discriminator"]))


def test_directions_of_a_pair(batch):
    forth = jax.device_get(jax.jit(prepare)(batch))
    assert forth["target"].shape == (8, 6, 6, CLASSES) and "label" in forth
    np.testing.assert_array_equal(forth["image"], batch["image"])
    ones = (forth["target"] == 1).sum(-1)
    np.testing.assert_array_equal(ones, batch["label"] != 255)
    np.testing.assert_array_equal(forth["known"], batch["label"] != 255)
    back = paired(
        batch, prepare=lambda b: b, direction="labels_to_photo", num_classes=CLASSES
    )
    np.testing.assert_array_equal(back["image"], forth["target"])
    np.testing.assert_array_equal(back["target"], batch["image"])
    assert back["known"].all() and "label" not in back
    with pytest.raises(ValueError, match="direction='x' is invalid"):
        paired(batch, prepare=lambda b: b, direction="x", num_classes=CLASSES)


def test_the_average_must_be_asked_for_twice(batch):
    with pytest.raises(ValueError, match=r"ema=0.9 is invalid: .* ema=False"):
        stepper(ema=0.9)(start(), batch)


@pytest.mark.parametrize("option", [{"grad_accum_steps": 2}, {"remat": "block"}])
def test_accumulation_and_rematerialization_are_refused(batch, option):
    with pytest.raises(ValueError, match="which the adversarial step requires"):
        stepper(**option)(start(), batch)
