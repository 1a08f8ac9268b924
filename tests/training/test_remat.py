"""Recomputing blocks changes what is kept, and nothing else."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import jaxseg
from jaxseg.backbones.resnet import ResNet
from jaxseg.config import LossConfig
from jaxseg.losses import build_objective, total_loss
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.ops.resize import resize
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.rematerialization import find_blocks, recomputed
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step

LOSS = build_objective(LossConfig())


class Small(nn.Module):
    """A shallow ResNet, dropout between two layers of a head, an auxiliary head."""

    @nn.compact
    def __call__(self, x, *, train=False):
        trunk = ResNet(18, width=4, blocks=(2, 1, 1, 1), name="backbone")
        pyramid = trunk(x, train=train)
        logits, size = Head(name="head")(pyramid["c5"], x.shape[1:3], train=train)
        aux = Conv(3, name="aux_head")(pyramid["c1"])
        return {"logits": logits, "aux": resize(aux, size)}


class Head(nn.Module):
    """Takes a size and gives one back: values that must stay Python numbers."""

    @nn.compact
    def __call__(self, x, size, *, train):
        x = Conv(5, name="first")(x)
        x = Dropout(0.5)(x, train=train)
        x = Conv(3, name="second")(x)
        return resize(x, size), size


def loss(variables, params, image, label, blocks, model):
    with recomputed(blocks):
        outputs, new = model.apply(
            {**variables, "params": params},
            image,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": jax.random.key(4)},
        )
    value, parts = total_loss(LOSS(outputs, {"label": label}))
    return value, (parts, new, outputs["logits"])


@functools.cache
def shapes(model, size, batch=2):
    image = jax.ShapeDtypeStruct((batch, size, size, 3), np.float32)
    init = lambda key, x: model.init(key, x, train=False)
    return jax.eval_shape(init, jax.random.key(0), image), image


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "resnet"])
def test_values_gradients_statistics_and_dropout_stay(name, fill):
    unet = {"width": 3, "depth": 2}
    model = Small() if name == "resnet" else jaxseg.create_model("unet", 3, **unet)
    variables = fill(model, (1, 32, 32, 3))
    random = np.random.default_rng(0)
    image = random.normal(size=(2, 32, 32, 3)).astype(np.float32)
    label = random.integers(0, 3, (2, 32, 32)).astype(np.int32)
    found = {}
    for kind in ("none", "block"):
        blocks = find_blocks(variables["params"], kind)
        run = functools.partial(loss, blocks=blocks, model=model)
        step = jax.jit(jax.value_and_grad(run, argnums=1, has_aux=True))
        found[kind] = step(variables, variables["params"], image, label)
    (plain, aux), gradient = found["none"]
    (again, other), same = found["block"]
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    close(again, plain)
    jax.tree.map(close, other, aux)  # running statistics moved once; same dropout
    jax.tree.map(close, same, gradient)
    moved = jax.tree.map(
        lambda a, b: np.abs(a - b).max(),
        aux[1]["batch_stats"],
        variables["batch_stats"],
    )
    assert min(jax.tree.leaves(moved)) > 1e-3
    assert min(np.abs(g).max() for g in jax.tree.leaves(gradient)) > 0


def kept_bytes(model, size, kind):
    """What the forward pass keeps for the backward pass, counted by tracing."""
    variables, image = shapes(model, size, 8)
    label = jax.ShapeDtypeStruct(image.shape[:3], np.int32)
    blocks = find_blocks(variables["params"], kind)

    def residuals(variables, image, label):
        run = lambda params: loss(variables, params, image, label, blocks, model)[0]
        return jax.vjp(run, variables["params"])[1]

    kept = jax.tree.leaves(jax.eval_shape(residuals, variables, image, label))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in kept)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "ratio"),
    [
        ("unet", {"width": 16}, 4.5),
        ("deeplabv3_resnet50", {"width": 16, "blocks": (1, 1, 2, 1)}, 3.5),
    ],
)
def test_less_is_kept(name, options, ratio):
    model = jaxseg.create_model(name, 5, **options)
    assert kept_bytes(model, 128, "none") > ratio * kept_bytes(model, 128, "block")


@pytest.mark.slow
def test_what_counts_as_a_block():
    def blocks(name, kind="block"):
        variables, _ = shapes(jaxseg.create_model(name, 3), 64)
        return {"/".join(path) for path in find_blocks(variables["params"], kind)}

    unet = blocks("unet")
    assert {f"trunk/down{i}" for i in range(5)} < unet
    resnet = blocks("deeplabv3_resnet50")
    assert {"backbone/stem", "backbone/layer3_5", "backbone/layer4_0"} < resnet
    assert not any(name.startswith("backbone/layer4_0/") for name in resnet)
    assert blocks("deeplabv3_resnet50", "stage") >= {"backbone/layer1_0", "head"}
    assert "backbone/stage3_0" in blocks("hrnet_small_v1", "stage")
    assert blocks("hrnet_small_v1", "none") == set()
    with pytest.raises(ValueError, match=r"remat='all' is invalid: .*block, stage"):
        find_blocks({}, "all")


def test_a_single_layer_is_left_alone():
    leaf = jnp.zeros((2, 2))
    params = {"conv": {"kernel": leaf}, "pair": {"a": {"kernel": leaf}, "b": {}}}
    assert find_blocks(params, "block") == {("pair",)}


def test_the_step_recomputes(fill):
    """`remat` reaches the network: its blocks appear as checkpoints in the program."""
    model, tx = Small(), optax.sgd(0.1)
    image = jax.ShapeDtypeStruct((2, 32, 32, 3), np.float32)
    label = jax.ShapeDtypeStruct((2, 32, 32), np.int32)
    init = functools.partial(
        create_state, model, tx, seed=0, image_shape=(1, 32, 32, 3)
    )
    counts = []
    for kind in ("none", "block"):
        options = StepOptions(remat=kind)
        step = functools.partial(
            train_step, model=model, tx=tx, loss_fn=LOSS, options=options
        )
        traced = jax.make_jaxpr(step)(
            jax.eval_shape(init), {"image": image, "label": label}
        )
        counts.append(str(traced).count("remat2") + str(traced).count("checkpoint["))
    assert counts[0] == 0 < counts[1]
