"""The wrapper adds two parameters, and training moves them against the network."""

import jax
import numpy as np
import optax
import pytest

import jaxseg
from jaxseg.config import LossConfig
from jaxseg.losses import build_objective, weighted_mean
from jaxseg.nn.affinity import WithAffinity
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step


@pytest.mark.slow
def test_names_stay_and_weights_learn():
    plain = jaxseg.create_model("unet", 3, width=4, depth=1)
    model = WithAffinity(plain, num_classes=3)
    tx = optax.sgd(1e-1)
    state = create_state(model, tx, seed=0, image_shape=(1, 16, 16, 3))
    image = jax.ShapeDtypeStruct((1, 16, 16, 3), np.float32)
    alone = jax.eval_shape(plain.init, jax.random.key(0), image)["params"]
    assert state.params["aux_affinity_edge"].shape == (9,)
    added = {"aux_affinity_edge", "aux_affinity_same"}
    assert set(state.params) - set(alone) == added
    kept = {name: state.params[name] for name in alone}
    assert jax.tree.structure(kept) == jax.tree.structure(alone)

    random = np.random.default_rng(0)
    label = random.integers(0, 3, (2, 4, 4)).repeat(4, axis=1).repeat(4, axis=2)
    batch = {
        "image": random.normal(size=(2, 16, 16, 3)).astype(np.float32),
        "label": label.astype(np.int32),
    }
    loss_fn = build_objective(LossConfig(additional=(("affinity", 1.0),)))
    step = jax.jit(
        lambda state: train_step(state, batch, model=model, tx=tx, loss_fn=loss_fn)
    )
    after, metrics = step(state)
    assert float(metrics["loss/affinity"]) > 0

    @jax.jit
    def field(weights):
        params = {**state.params, **weights}
        variables = {"params": params, "batch_stats": state.batch_stats}
        outputs, _ = model.apply(
            variables, batch["image"], train=True, mutable=["batch_stats"]
        )
        terms = loss_fn(outputs, {**batch, "step": 0})
        return weighted_mean(*terms["affinity"][:2])

    moved = {name: after.params[name] for name in added}
    still = {name: state.params[name] for name in added}
    assert all(np.abs(w).max() > 0 for w in moved.values())
    assert field(moved) > field(still)
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    outputs = jax.eval_shape(lambda v: model.apply(v, batch["image"]), variables)
    assert set(outputs) == {"logits"}
