"""Low-rank adapters: merged and unmerged networks agree, and only adapters train."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.checkpoints.adapters import add_adapters, merge_adapters
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config, TrainConfig
from jaxseg.data import DatasetSpec
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


def make_model(backbone="dinov2_vits14"):
    small = {"depth": 4, "width": 16, "heads": 2, "image_size": (28, 28)}
    if backbone == "mit_b0":
        small = {"channels": (4, 8, 20, 32), "blocks": (1, 1, 1, 1)}
    return create_model("linear", 3, backbone=backbone, backbone_options=small)


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
    """The logits with x W + (x A) B in every linear layer of the backbone."""
    used = []

    def intercept(call, args, kwargs, context):
        y = call(*args, **kwargs)
        own = params["adapters"]
        for name in context.module.path:
            own = own.get(name, {})
        if isinstance(context.module, Linear) and "down" in own:
            used.append(context.module.path)
            y = y + (args[0] @ own["down"]) @ own["up"]
        return y

    with nn.intercept_methods(intercept):
        variables = {"params": params, "batch_stats": stats}
        mutable = ["batch_stats"] if train else False
        found = model.apply(variables, IMAGE, train=train, mutable=mutable)
    assert used
    return (found[0] if train else found)["logits"]


def cross_entropy(outputs, batch):
    loss = optax.softmax_cross_entropy_with_integer_labels(
        outputs["logits"], batch["label"]
    )
    return {"ce": (loss, jnp.ones_like(loss), 1.0)}


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["dinov2_vits14", "mit_b0"])
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
def test_a_step_moves_only_adapters_and_head():
    """The step of B is the gradient of the unmerged network, A has no gradient yet."""
    model = make_model()
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
    for layer in range(4):
        up = after.params["adapters"]["backbone"][f"layer{layer}"]["mlp_2"]["up"]
        assert np.abs(up).max() > 1e-5
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


def test_ranks_and_networks_that_do_not_fit():
    params = {"backbone": {"linear": {"kernel": jnp.zeros((4, 8))}}}
    with pytest.raises(ValueError, match=r"adapter_rank=5 is invalid: .* from 1 to 4"):
        add_adapters(params, 5, jax.random.key(0))
    with pytest.raises(ValueError, match="no backbone with linear layers"):
        add_adapters({"head": params}, 2, jax.random.key(0))
