"""Gradient accumulation equals the whole batch, loss by loss."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxseg.config import LossConfig
from jaxseg.losses import (
    LOSSES,
    OUTPUT_LOSSES,
    Loss,
    OutputLoss,
    build_objective,
)
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.training.step.accumulation import accumulated
from jaxseg.training.step.gradient import Problem, loss_and_gradient

SUMS = LossConfig(
    "cross_entropy",
    additional=(
        ("focal", 0.5),
        ("dice", 0.5),
        ("jaccard", 0.3),
        ("tversky", 0.2),
        ("boundary", 0.1),
        ("image_weighted_cross_entropy", 0.7),
    ),
    class_weights="median_frequency",
)
COUPLED = LossConfig(
    "lovasz_softmax",
    additional=(
        ("top_k_cross_entropy", 0.5),
        ("ohem_cross_entropy", 0.5),
        ("dual_task", 0.4),
        ("affinity", 0.3),
        ("edge_attention", 0.2),
        ("cross_entropy", 0.6),
        ("mask_classification", 0.1),
    ),
    options={
        "top_k_cross_entropy": {"fraction": 0.3},
        "ohem_cross_entropy": {"min_kept": 7, "threshold": 0.2},
        "mask_classification": {"points": 40},
    },
)


class Net(nn.Module):
    """A convolution with group norm, then every kind of output that losses know."""

    style: BlockConfig = BlockConfig(norm="group", groups=2)
    edges: bool = False

    @nn.compact
    def __call__(self, x, *, train=False):
        x = ConvNormAct(6, style=self.style, name="stem")(x, train=train)
        outputs = {
            "logits": Conv(4, style=self.style, name="head")(x),
            "aux": Conv(4, 1, style=self.style, name="aux_head")(x),
            "extra_presence": nn.Dense(4, name="presence")(x.mean((1, 2))),
        }
        if self.edges:
            outputs["edge"] = Conv(1, style=self.style, name="edge")(x)
            weights = [
                self.param(name, nn.initializers.normal(1.0), (4, 3))
                for name in ("edge_sizes", "same_sizes")
            ]
            outputs["affinity"] = tuple(weights)
            outputs["extra_query_masks"] = outputs["logits"][:, None]
            outputs["extra_query_classes"] = outputs["aux"][:, None, :4, :5, 0]
        return outputs


@functools.cache
def draw(size=8):
    """Examples of which some are void but for a row, some wholly."""
    random = np.random.default_rng(1)
    label = random.integers(0, 4, (size, 9, 7)).astype(np.int32)
    label[0] = 255
    label[1::3, 1:] = 255
    label[2, :, :5] = 0
    image = random.normal(0, 1, (size, 9, 7, 3)).astype(np.float32)
    return {"image": image, "label": label, "step": np.int32(3)}


def problem(model, objective, axis_name=None):
    def forward(params, stats, batch, key):
        outputs, new = model.apply(
            {"params": params, "batch_stats": stats},
            batch["image"],
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        return outputs, new.get("batch_stats", {})

    def count(outputs, batch):
        return {"labeled": (batch["label"] != 255).sum()}

    return Problem(forward, objective, count, axis_name)


def found(model, objective, variables, count, batch=None):
    """Loss, terms and gradient in `count` micro-batches."""
    differentiate = accumulated(loss_and_gradient, count)
    run = functools.partial(differentiate, problem(model, objective))
    stats = variables.get("batch_stats", {})
    batch = draw() if batch is None else batch
    return jax.jit(run)(variables["params"], stats, batch, jax.random.key(0))


def close(got, wanted, atol=1e-6):
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=atol), got, wanted
    )


def largest(tree, other):
    rows = jax.tree.map(lambda a, b: np.abs(a - b).max(), tree, other)
    return max(jax.tree.leaves(rows))


@pytest.mark.slow
@pytest.mark.parametrize("config", [SUMS, COUPLED], ids=["sums", "coupled"])
def test_every_loss_equals_the_whole_batch(config, fill):
    model = Net(edges=config is COUPLED)
    variables = fill(model, (1, 9, 7, 3))
    objective = build_objective(config, class_pixels=(4, 3, 2, 1))
    wanted = found(model, objective, variables, 1)
    got = found(model, objective, variables, 4)
    close(got.terms, wanted.terms)
    close(got.gradient, wanted.gradient)
    close(got.loss, wanted.loss)
    assert got.counts == {"labeled": (draw()["label"] != 255).sum()}
    terms = {name for name, _ in config.additional} | {config.name, "aux", "presence"}
    assert set(wanted.terms) == terms | ({"edge"} if config is COUPLED else set())
    assert all(np.abs(part) > 1e-4 for part in wanted.terms.values())
    for name in ("stem", "head", "aux_head", "presence"):
        assert np.abs(wanted.gradient[name].get("kernel", 1)).max() > 1e-3
    if config is COUPLED:  # a learned weight is no example's
        assert np.abs(wanted.gradient["edge_sizes"]).max() > 1e-3


def test_both_configurations_hold_all_losses():
    named = [(c.name, *(name for name, _ in c.additional)) for c in (SUMS, COUPLED)]
    assert set(sum(named, ())) == set(LOSSES)


@pytest.mark.slow
def test_coupled_losses_as_sums_would_be_wrong(fill):
    """What the second way is for; and a loss function of one's own takes it."""
    model = Net()
    variables = fill(model, (1, 9, 7, 3))
    objective = build_objective(
        LossConfig("dice", options={"dice": {"per_image": False}})
    )
    assert not objective.additive({})
    wanted = found(model, objective, variables, 1)
    split = dataclasses.replace(objective, coupled=())
    assert largest(found(model, split, variables, 4).gradient, wanted.gradient) > 1e-3
    own = found(model, lambda *args: objective(*args), variables, 4)
    close(own.gradient, wanted.gradient)


def spread(spread_logits, label, *, void=255):
    """The variance of an output over the batch, which couples the examples."""
    weight = (label != void).astype(jnp.float32)
    return (spread_logits - spread_logits.mean()).mean(-1) ** 2 * weight, weight


@pytest.mark.parametrize("stated", [True, False])
def test_a_new_output_loss_changes_accumulation(stated, fill, monkeypatch):
    """The record of an output decides how its loss is accumulated."""
    loss = Loss(spread, couples_examples=stated)
    record = OutputLoss("aux", loss, coefficient=2.0)
    monkeypatch.setitem(OUTPUT_LOSSES, "spread", record)
    model, objective = Net(), build_objective(LossConfig())
    assert objective.additive(["logits", "extra_presence"])
    assert objective.additive(["logits", "aux"]) == (not stated)
    variables = fill(model, (1, 9, 7, 3))
    wanted = found(model, objective, variables, 1)
    assert wanted.terms["spread"] > 1e-3
    gap = largest(found(model, objective, variables, 4).gradient, wanted.gradient)
    assert gap < 1e-6 if stated else gap > 1e-4


@pytest.mark.slow
def test_mean_of_means_would_be_wrong(fill):
    model, objective = Net(), build_objective(LossConfig())
    variables = fill(model, (1, 9, 7, 3))
    batch = draw()
    one = functools.partial(loss_and_gradient, problem(model, objective))
    params, stats = variables["params"], variables.get("batch_stats", {})

    @jax.jit
    def gradient(part):
        return one(params, stats, part, jax.random.key(0)).gradient

    parts = [{k: v[j::4] if v.ndim else v for k, v in batch.items()} for j in range(4)]
    mean = jax.tree.map(lambda *g: np.mean(g, 0), *map(gradient, parts))
    got = found(model, objective, variables, 4).gradient
    assert largest(mean, got) > 1e-2


def test_additive_by_the_configuration():
    def additive(name, outputs=(), **options):
        config = LossConfig(name, options={name: options} if options else {})
        return build_objective(config).additive(dict.fromkeys(outputs))

    assert additive("cross_entropy") and additive("cross_entropy", ["aux", "logits"])
    assert not additive("cross_entropy", ["edge"])
    assert additive("dice") and not additive("dice", per_image=False)
    assert not additive("lovasz_softmax")
    assert additive("lovasz_softmax", per_image=True)
    assert not additive("dual_task") and additive("dual_task", gumbel=False)
    assert not build_objective(LossConfig(additional=(("affinity", 1.0),))).additive({})


@pytest.mark.slow
def test_all_void_gives_zero(fill):
    model = Net()
    batch = {**draw(), "label": np.full_like(draw()["label"], 255)}
    got = found(
        model,
        build_objective(SUMS, class_pixels=(1,) * 4),
        fill(model, (1, 9, 7, 3)),
        4,
        batch,
    )
    assert got.loss == 0 and not any(g.any() for g in jax.tree.leaves(got.gradient))


class Normed(nn.Module):
    """Batch norm and dropout; logits alone."""

    style: BlockConfig = BlockConfig()
    rate: float = 0.0

    @nn.compact
    def __call__(self, x, *, train=False):
        for i in range(2):
            x = ConvNormAct(6, style=self.style, name=f"b{i}")(x, train=train)
        x = Dropout(self.rate)(x, train=train)
        return {"logits": Conv(4, 1, style=self.style, name="head")(x)}


@pytest.mark.slow
def test_batch_norm_takes_one_micro_batch_after_the_other(fill):
    model = Normed()
    variables = fill(model, (1, 9, 7, 3))
    got = found(model, build_objective(LossConfig()), variables, 2)
    stats = variables["batch_stats"]
    apply = jax.jit(functools.partial(model.apply, train=True, mutable=["batch_stats"]))
    for j in range(2):
        now = {"params": variables["params"], "batch_stats": stats}
        stats = apply(now, draw()["image"][j::2])[1]["batch_stats"]
    close(got.batch_stats, stats)
    # statistics of the coupled way are those of one pass, not of two
    other = found(model, build_objective(LossConfig("lovasz_softmax")), variables, 2)
    close(other.batch_stats, stats)


def test_dropout_is_drawn_for_every_micro_batch():
    """A copied micro-batch is seen with another mask, and with the same next time."""
    seen = []

    class Spy(nn.Module):
        @nn.compact
        def __call__(self, x, *, train=False):
            y = Dropout(0.5)(jnp.ones_like(x), train=train)
            jax.debug.callback(lambda y: seen.append(np.asarray(y)), y)
            return {"logits": nn.Dense(4, name="head")(x) * y.mean()}

    variables = Spy().init(jax.random.key(0), draw()["image"])
    seen.clear()
    for _ in range(2):
        found(Spy(), build_objective(LossConfig()), variables, 2)
    jax.effects_barrier()
    masks = {mask.tobytes() for mask in seen}
    assert len(masks) == 2


def test_wrong_counts_are_named(fill):
    model, objective = Normed(), build_objective(LossConfig())
    variables = fill(model, (1, 9, 7, 3))
    with pytest.raises(
        ValueError,
        match=r"train.grad_accum_steps=3 is invalid: expected a divisor of 8, .* 'image'",
    ):
        found(model, objective, variables, 3)
