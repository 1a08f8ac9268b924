"""Low-rank adapters: merged and unmerged networks agree, and only adapters train."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict

from jaxseg import create_model
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.checkpoints.adapters import add_adapters, merge_adapters
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config, TrainConfig
from jaxseg.data import DatasetSpec
from jaxseg.nn.layers import Conv
from jaxseg.nn.transformer import Linear
from jaxseg.runs import pretrained
from jaxseg.runs.directory import load_variables, write_run
from jaxseg.training import create_state, train_step
from jaxseg.training.optim.optimizers import only_trained
from jaxseg.weights.formats import orbax

RATE, RANK = 0.5, 2
SHAPE = (2, 30, 42, 3)
IMAGE = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
LABEL = np.random.default_rng(1).integers(0, 3, SHAPE[:3])
# One backbone of each family, whose name begins with the same letters.
FAMILIES = sorted({re.match("[a-z]+", name)[0]: name for name in BACKBONES}.values())
SMALL = {
    "dinov2_vits14": {"depth": 4, "width": 16, "heads": 2, "image_size": (28, 28)},
    "mit_b0": {"channels": (4, 8, 20, 32), "blocks": (1, 1, 1, 1)},
    "efficientnet_lite0": {"width": 0.25},
    "efficientnet_b0": {"width": 0.25},
    "mobilenetv3_small": {"width": 0.5},
    "resnet18": {"width": 8},
    "seresnet50": {"width": 8},
}


def make_model(backbone="dinov2_vits14"):
    return create_model(
        "linear", 3, backbone=backbone, backbone_options=SMALL[backbone]
    )


@functools.cache
def make_state(model, rank=RANK, seed=0):
    """The state of training; factors of LayerScale are 1, so that gradients are large."""
    tx = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(RATE))
    tx = tx if rank is None else only_trained(tx)
    state = create_state(model, tx, seed=seed, image_shape=SHAPE, adapter_rank=rank)
    return state.replace(params=enlarged(state.params)), tx


def enlarged(params):
    def enlarge(path, leaf):
        scale = "layer_scale" in jax.tree_util.keystr(path)
        return np.ones_like(leaf) if scale else leaf

    return jax.tree_util.tree_map_with_path(enlarge, params)


def drawn(params, seed=5):
    """Parameters whose adapters are random; B begins with zeros otherwise."""
    leaves, tree = jax.tree.flatten(params["adapters"])
    random = np.random.default_rng(seed)
    filled = [random.normal(size=x.shape).astype(np.float32) * 0.3 for x in leaves]
    return {**params, "adapters": jax.tree.unflatten(tree, filled)}


def unmerged(model, params, stats, train=False):
    """The logits with x W + (x A) B in every linear layer of the backbone.

    A strided 1x1 convolution reads every second pixel.
    """
    used = []

    def intercept(call, args, kwargs, context):
        y = call(*args, **kwargs)
        own = params["adapters"]
        for name in context.module.path:
            own = own.get(name, {})
        if isinstance(context.module, Linear | Conv) and "down" in own:
            used.append(context.module.path)
            x = args[0]
            if isinstance(context.module, Conv):
                x = x[:, :: context.module.stride, :: context.module.stride]
            y = y + (x @ own["down"]) @ own["up"]
        return y

    with nn.intercept_methods(intercept):
        variables = {"params": params, "batch_stats": stats}
        mutable = ["batch_stats"] if train else False
        found = model.apply(variables, IMAGE, train=train, mutable=mutable)
    assert 2 * len(set(used)) == len(jax.tree.leaves(params["adapters"]))
    return (found[0] if train else found)["logits"]


def cross_entropy(outputs, batch):
    loss = optax.softmax_cross_entropy_with_integer_labels(
        outputs["logits"], batch["label"]
    )
    return {"ce": (loss, jnp.ones_like(loss), 1.0)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone", ["dinov2_vits14", "mit_b0", "efficientnet_lite0", "resnet18"]
)
def test_merged_equals_unmerged(backbone, fill):
    model = make_model(backbone)
    variables = fill(model, SHAPE)
    stats, plain = variables["batch_stats"], enlarged(variables["params"])
    add = functools.partial(add_adapters, rank=RANK, key=jax.random.key(0))
    shapes = jax.eval_shape(add, plain)
    params = drawn({**plain, "adapters": shapes["adapters"]})
    merged = jax.jit(merge_adapters)(params)
    assert jax.tree.structure(merged) == jax.tree.structure(plain)
    apply = jax.jit(lambda variables: model.apply(variables, IMAGE)["logits"])
    got, before = (
        np.asarray(apply({"params": p, "batch_stats": stats})) for p in (merged, plain)
    )
    want = np.asarray(jax.jit(functools.partial(unmerged, model))(params, stats))
    largest = np.abs(want).max()
    assert np.abs(got - want).max() <= 1e-5 * largest
    assert np.abs(before - want).max() >= 1e-2 * largest


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone",
    ["dinov2_vits14", pytest.param("efficientnet_lite0", marks=pytest.mark.sweep)],
)
def test_a_step_moves_only_adapters_and_head(backbone):
    """The step of B is the gradient of the unmerged network, A has no gradient yet."""
    model = make_model(backbone)
    state, tx = make_state(model)
    step = jax.jit(
        functools.partial(train_step, model=model, tx=tx, loss_fn=cross_entropy)
    )
    batch = {"image": IMAGE, "label": LABEL}
    after, _ = step(state, batch)

    def loss(params):
        logits = unmerged(model, params, state.batch_stats, train=True)
        return cross_entropy({"logits": logits}, batch)["ce"][0].mean()

    gradient = jax.jit(jax.grad(loss))(state.params)
    same = functools.partial(jax.tree.map, np.testing.assert_array_equal)
    same(after.params["backbone"], state.params["backbone"])
    params, gradient = jax.device_get((state.params, gradient))
    decay = jax.tree.map(lambda p, g: p - RATE * (g + 0.1 * p), params, gradient)
    for part in ("adapters", "head"):
        close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
        jax.tree.map(close, after.params[part], decay[part])
    adapters = flatten_dict(after.params["adapters"])
    assert all(
        np.abs(a).max() > 1e-5 for path, a in adapters.items() if path[-1] == "up"
    )
    kernels = [s.params["head"]["classifier"]["conv"]["kernel"] for s in (after, state)]
    assert (np.asarray(kernels[0]) != np.asarray(kernels[1])).any()


@pytest.mark.slow
def test_checkpoints_keep_adapters_and_readers_merge_them(tmp_path):
    model = make_model()
    state, _ = make_state(model)
    state = state.replace(params=drawn(state.params))
    spec = DatasetSpec("three", ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    write_run(tmp_path, Config(train=TrainConfig(adapter_rank=RANK)), spec)
    with Checkpoints(tmp_path / "ckpt") as checkpoints:
        checkpoints.save(1, state, meta={}, metrics={"mean_iou": 0.5})
    with Checkpoints(tmp_path / "ckpt") as checkpoints:
        again, _ = checkpoints.restore(1, state)
    same = functools.partial(jax.tree.map, np.testing.assert_array_equal)
    same(again.params, state.params)
    want = jax.device_get(jax.jit(lambda state: state.variables())(state))
    close = functools.partial(
        jax.tree.map, functools.partial(np.testing.assert_allclose, atol=1e-6)
    )
    close(load_variables(tmp_path, model)[1], want)
    close(orbax.read(str(tmp_path)), want)
    moved = jax.tree.map(lambda leaf: np.asarray(leaf) + 1, state.params)
    new = state.replace(params=moved)
    plain = {name: part for name, part in moved.items() if name != "adapters"}
    plain = state.replace(params=plain)
    close(pretrained.initialized(plain, tmp_path).variables(), want)
    started = pretrained.initialized(new, tmp_path, fresh=("head/classifier/.*",))
    close(started.params["backbone"], want["params"]["backbone"])
    same(started.params["adapters"], new.params["adapters"])
    same(started.params["head"]["classifier"], new.params["head"]["classifier"])


def adapted(backbone):
    """The paths of the layers of a backbone that have adapters."""
    model = make_model(backbone)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    add = functools.partial(add_adapters, rank=RANK, key=jax.random.key(0))
    flat = flatten_dict(jax.eval_shape(add, shapes["params"])["adapters"], sep="/")
    return sorted(name.removesuffix("/down") for name in flat if name.endswith("down"))


def test_only_dense_convolutions_of_one_pixel_have_adapters():
    """Depthwise kernels [3, 3, 1, C] and [1, 1, 1, C] and channel gates have none."""
    shapes = {
        "expand": {"conv": (1, 1, 4, 8), "norm": None},
        "depthwise": {"conv": (3, 3, 1, 8)},
        "pointwise": {"conv": (1, 1, 1, 8)},
        "squeeze": {"reduce": (1, 1, 8, 2), "expand": (1, 1, 2, 8)},
        "gate": {"squeeze": (1, 1, 8, 2), "excite": (1, 1, 2, 8)},
        "large": {"conv": (3, 3, 8, 8)},
    }
    layers = {
        name: {
            layer: {"scale": jnp.ones(8)} if s is None else {"kernel": jnp.ones(s)}
            for layer, s in group.items()
        }
        for name, group in shapes.items()
    }
    found = add_adapters({"backbone": layers}, 4, jax.random.key(0))
    conv = found["adapters"]["backbone"].pop("expand")["conv"]
    assert found["adapters"]["backbone"] == {}
    assert conv["down"].shape == (4, 4) and conv["up"].shape == (4, 8)
    conv["up"] = conv["up"] + 1
    found["adapters"]["backbone"]["expand"] = {"conv": conv}
    merged = merge_adapters(found)["backbone"]
    want = 1 + conv["down"].sum(1)[:, None] * np.ones((1, 8))
    np.testing.assert_allclose(
        merged["expand"]["conv"]["kernel"][0, 0], want, rtol=1e-6
    )
    layers["linear"] = {"kernel": jnp.ones((8, 8))}  # a transformer with convolutions
    found = add_adapters({"backbone": layers}, 4, jax.random.key(0))
    assert list(found["adapters"]["backbone"]) == ["linear"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "count"),
    [
        ("efficientnet_b0", 31),
        ("resnet18", 3),
        pytest.param("efficientnet_lite0", 31, marks=pytest.mark.sweep),
        pytest.param("mobilenetv3_small", 22, marks=pytest.mark.sweep),
        pytest.param("seresnet50", 36, marks=pytest.mark.sweep),
    ],
)
def test_counts_of_adapted_convolutions(backbone, count):
    assert len(adapted(backbone)) == count


@pytest.mark.sweep
@pytest.mark.parametrize("name", FAMILIES)
def test_no_backbone_has_convolutions_of_one_pixel_with_groups(name):
    """The arrays do not show groups, so that such kernels would be taken for dense."""
    grouped = []

    def intercept(call, args, kwargs, context):
        layer = context.module
        if isinstance(layer, Conv) and layer.groups > 1:
            grouped.append(layer.kernel)
        return call(*args, **kwargs)

    backbone = BACKBONES[name].create()
    image = jnp.zeros((1, 64, 64, BACKBONES[name].in_channels))
    with nn.intercept_methods(intercept):
        jax.eval_shape(backbone.init, jax.random.key(0), image)
    assert not {1, (1, 1)}.intersection(grouped)


def test_ranks_and_networks_that_do_not_fit():
    params = {"backbone": {"linear": {"kernel": jnp.zeros((4, 8))}}}
    with pytest.raises(ValueError, match=r"adapter_rank=5 is invalid: .* from 1 to 4"):
        add_adapters(params, 5, jax.random.key(0))
    with pytest.raises(ValueError, match="no backbone with linear layers"):
        add_adapters({"head": params}, 2, jax.random.key(0))
