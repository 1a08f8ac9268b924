"""One step against its definition: loss, update, metrics, average, dropout."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxseg.config import LossConfig
from jaxseg.losses import build_objective, cross_entropy, weighted_mean
from jaxseg.metrics import confusion
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import eval_step, most_probable, train_step
from jaxseg.training.step.update import dropout_key, pixel_counts


class Net(nn.Module):
    """Per-pixel linear classifier with an auxiliary one; dropout if asked."""

    rate: float = 0.0

    @nn.compact
    def __call__(self, x, *, train=False):
        aux = nn.Dense(3, name="aux")(x)
        x = nn.Dropout(self.rate, deterministic=not train)(x)
        return {"logits": nn.Dense(3, name="head")(x), "aux": aux}


TX = optax.sgd(0.5)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    label = random.integers(0, 3, (2, 5, 6)).astype(np.int32)
    label[0, :3] = 255
    image = random.normal(0, 1, (2, 5, 6, 4)).astype(np.float32)
    return {"image": image, "label": label}


@functools.cache
def start(model, ema=False):
    return create_state(model, TX, seed=0, image_shape=(1, 5, 6, 4), ema=ema)


def step(model, **options):
    loss_fn = options.pop("loss_fn", build_objective(LossConfig()))
    made = functools.partial(train_step, model=model, tx=TX, loss_fn=loss_fn)
    return jax.jit(functools.partial(made, options=StepOptions(**options)))


@pytest.mark.slow
def test_one_step_by_definition(batch):
    model = Net()
    state = start(model)
    label, image = batch["label"], batch["image"]

    def loss(params):
        outputs = model.apply({"params": params}, image)
        main, aux = (
            weighted_mean(*cross_entropy(outputs[key], label))
            for key in ("logits", "aux")
        )
        return main + 0.4 * aux, (main, aux, outputs["logits"])

    slow = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (whole, (main, aux, logits)), gradient = slow(state.params)
    new, metrics = step(model, schedule=optax.constant_schedule(0.5))(state, batch)
    descend = lambda p, g: np.asarray(p) - 0.5 * np.asarray(g)
    expected = jax.tree.map(descend, state.params, gradient)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, atol=1e-6), new.params, expected
    )
    norm = np.sqrt(sum((np.asarray(g) ** 2).sum() for g in jax.tree.leaves(gradient)))
    right = (np.argmax(logits, -1) == label).sum()
    expected = {"loss": whole, "loss/cross_entropy": main, "loss/aux": aux}
    expected |= {"grad_norm": norm, "learning_rate": 0.5}
    expected |= {"labeled": (label != 255).sum(), "correct": right}
    assert set(metrics) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)
    assert metrics["labeled"].dtype == metrics["correct"].dtype == jnp.int32
    assert new.step == 1


def test_all_void_batch_changes_no_parameter(batch):
    state = start(Net())
    batch["label"] = np.full_like(batch["label"], 255)
    new, metrics = step(Net())(state, batch)
    jax.tree.map(np.testing.assert_array_equal, new.params, state.params)
    assert metrics["loss"] == metrics["grad_norm"] == metrics["labeled"] == 0


def test_average_follows_tensorflows_rule(batch):
    state = start(Net(), ema=True)
    run = step(Net(), ema=0.2)
    expected = np.asarray(state.params["head"]["kernel"])
    for t in range(4):
        state, _ = run(state, batch)
        decay = min(0.2, (1 + t) / (10 + t))
        kernel = np.asarray(state.params["head"]["kernel"])
        expected = decay * expected + (1 - decay) * kernel
    np.testing.assert_allclose(state.ema["head"]["kernel"], expected, rtol=1e-5)
    assert np.abs(expected - kernel).max() > 1e-3


def test_no_micro_batch_is_an_error(batch):
    with pytest.raises(ValueError, match=r"train.grad_accum_steps=0 is invalid"):
        step(Net(), grad_accum_steps=0)(start(Net()), batch)


def test_average_must_be_asked_for_twice(batch):
    with pytest.raises(ValueError, match=r"ema=0.9 is invalid: .* ema=False"):
        step(Net(), ema=0.9)(start(Net()), batch)
    with pytest.raises(ValueError, match=r"ema=None is invalid: .* ema=True"):
        step(Net())(start(Net(), ema=True), batch)


def test_dropout_differs_between_steps_and_not_between_runs(batch):
    model = Net(rate=0.5)
    run = step(model)
    state = start(model)
    first, again = run(state, batch)[1], run(state, batch)[1]
    later = run(state.replace(step=state.step + 1), batch)[1]
    assert first["loss/cross_entropy"] == again["loss/cross_entropy"]
    assert first["loss/cross_entropy"] != later["loss/cross_entropy"]
    assert first["loss/aux"] == later["loss/aux"]


def test_dropout_differs_between_devices_under_pmap():
    state = start(Net())

    def words(_):
        return jax.random.key_data(dropout_key(state, "batch"))

    keys = jax.pmap(words, axis_name="batch")(np.zeros(8))
    assert len({tuple(key.tolist()) for key in keys}) == 8


def test_loss_sees_the_step_and_the_prepared_batch(batch):
    seen = {}

    def loss_fn(outputs, batch):
        seen.update(batch)
        weight = jnp.ones(1)
        return {"step": (batch["step"] * weight, weight, 1.0)}

    def prepare(batch):
        return {**batch, "more": batch["image"] + 1}

    state = start(Net()).replace(step=jnp.int32(7))
    _, metrics = step(Net(), loss_fn=loss_fn, prepare=prepare)(state, batch)
    assert metrics["loss"] == 7
    assert set(seen) == {"image", "label", "more", "step"}


def test_the_learning_rate_that_is_reported_is_that_of_the_step(batch):
    state, run = start(Net()), step(Net(), schedule=lambda number: 10.0 + number)
    state, first = run(state, batch)
    _, second = run(state, batch)
    assert (first["learning_rate"], second["learning_rate"]) == (10, 11)


def test_a_pixel_without_a_label_is_not_correct_even_if_void_is_a_class_number():
    logits = np.eye(2, dtype=np.float32)[np.array([[[0, 1, 1]]])]
    count = jax.jit(lambda logits, label: pixel_counts(logits, label, void=1))
    found = count(logits, np.array([[[0, 1, 0]]]))
    assert (int(found["labeled"]), int(found["correct"])) == (2, 1)


def test_eval_counts_the_most_probable_classes(batch):
    model = Net()
    variables = start(model).variables()
    run = functools.partial(eval_step, predict=most_probable(model), num_classes=3)

    @jax.jit
    def slow(variables, image, label):
        logits = model.apply(variables, image)["logits"]
        return confusion(logits.argmax(-1), label, 3)

    expected = slow(variables, batch["image"], batch["label"])
    narrow = {**batch, "label": batch["label"].astype(np.uint8)}
    np.testing.assert_array_equal(jax.jit(run)(variables, narrow), expected)


def test_running_statistics_are_the_models(batch):
    class Normed(nn.Module):
        @nn.compact
        def __call__(self, x, *, train=False):
            x = nn.BatchNorm(use_running_average=not train, momentum=0.9, name="norm")(
                x
            )
            return {"logits": nn.Dense(3, name="head")(x)}

    state = start(Normed())
    new, _ = step(Normed())(state, batch)
    mean = batch["image"].mean((0, 1, 2))
    np.testing.assert_allclose(new.batch_stats["norm"]["mean"], 0.1 * mean, atol=1e-6)
    assert np.abs(mean).max() > 0.05


class Guided(nn.Module):
    """Takes points' features and, before them, their places: logits [B, N, 3]."""

    @nn.compact
    def __call__(self, places, features, *, train=False):
        both = jnp.concatenate([places * 2, features], -1)
        return {"logits": nn.Dense(3, name="head")(both)}


def test_a_network_may_take_several_inputs():
    random = np.random.default_rng(3)
    batch = {
        "features": random.normal(size=(2, 9, 4)).astype(np.float32),
        "label": random.integers(0, 3, (2, 9)).astype(np.int32),
        "places": random.normal(size=(2, 9, 3)).astype(np.float32),
    }
    more = (jax.ShapeDtypeStruct((1, 9, 4), np.float32),)
    state = create_state(Guided(), TX, seed=0, image_shape=(1, 9, 3), more_inputs=more)
    assert state.params["head"]["kernel"].shape == (7, 3)
    order = ("places", "features")

    def loss_fn(outputs, batch):
        value = -jax.nn.log_softmax(outputs["logits"])[..., 0]
        return {"first": (value, jnp.ones_like(value), 1.0)}

    _, metrics = step(Guided(), loss_fn=loss_fn, inputs=order)(state, batch)
    variables = state.variables()
    run = functools.partial(eval_step, num_classes=3)

    @jax.jit
    def slow(params, batch):
        inputs = batch["places"], batch["features"]
        logits = Guided().apply({"params": params}, *inputs)["logits"]
        value = -jax.nn.log_softmax(logits)[..., 0].mean()
        return value, confusion(logits.argmax(-1), batch["label"], 3)

    expected, matrix = slow(state.params, batch)
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-5)
    count = jax.jit(functools.partial(run, predict=most_probable(Guided(), order)))
    np.testing.assert_array_equal(count(variables, batch), matrix)
    with pytest.raises(
        ValueError,
        match=r"inputs=\['place'\] is invalid: expected keys of the batch",
    ):
        run(variables, batch, predict=most_probable(Guided(), ("place", "features")))
