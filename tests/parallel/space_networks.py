"""Tiny networks whose rows are shared by devices: their training step, their gradient,
and the maps that a compiled program copies.

    python -m tests.parallel.space_networks NAME...

prints a line of JSON for each network, as in experiments/pod/gathers.jsonl.
"""

import functools
import json
import math
import sys

import jax
import numpy as np

from jaxseg import create_model
from jaxseg.analysis.hlo.collective import Collective, collectives, totals
from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import batch_sharding, make_mesh, within_mesh
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.state import TrainState
from jaxseg.training.step.steps import train_step
from tests.contract.rows import ROWS

# 136 rows, and 68, 34, 17, 9 and 5 of the coarser maps: four devices divide the first
# two evenly.
SIZE, BATCH, CLASSES, SPACE = (136, 200), 2, 3, 4
SMALL = 64  # A copy of at most this many pixels does not count.


def step_text(name, fill, space=SPACE) -> str:
    """Returns the text of the compiled training step of a tiny network."""
    row, (model, variables, image) = ROWS[name], network(name, fill)
    loss = {} if "l1" in str(row.get("loss")) else row.get("loss", {})
    tx, _ = optim.build(OptimConfig(name="sgd"), 10)
    state = TrainState(
        step=np.int32(0),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=jax.eval_shape(tx.init, variables["params"]),
        ema=None,
        rng=jax.random.key(0),
    )
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=build_objective(LossConfig(**loss))
    )
    backend = JitBackend(make_mesh(BATCH, space))
    batch = {"image": image, "label": np.zeros(image.shape[:3], np.int32)}
    return (
        backend.compile(step).lower(*backend.abstract(state, batch)).compile().as_text()
    )


def network(name, fill):
    """Returns a tiny network, its variables, and images."""
    row = ROWS[name]
    model = create_model(name, CLASSES, **row["narrow"])
    shape = (BATCH, *SIZE, row.get("channels", 3))
    image = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    return model, fill(model, (1, *shape[1:])), image


def gradients(name, fill, space=None):
    """Returns the logits of a tiny network, and the gradient of all its parameters.

    Args:
        name: the network.
        fill: the fixture that draws variables.
        space: how many devices share the rows of an image; None for one device.
    """
    model, variables, image = network(name, fill)
    shape = jax.eval_shape(model.apply, variables, image)["logits"].shape
    weights = np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)

    def run(params, rest, image, weights):
        def loss(params):
            logits = model.apply({**rest, "params": params}, image)["logits"]
            return (logits * weights).mean(), logits

        gradient, logits = jax.grad(loss, has_aux=True)(params)
        return logits, gradient

    rest = {k: v for k, v in variables.items() if k != "params"}
    arrays = (image, weights)
    if space is not None:
        mesh = make_mesh(BATCH, space)
        run = within_mesh(run, mesh)
        arrays = [jax.device_put(x, batch_sharding(mesh, x.ndim)) for x in arrays]
    return jax.device_get(jax.jit(run)(variables["params"], rest, *arrays))


def copied_maps(text: str) -> list[Collective]:
    """Returns the collectives that give every device all pixels of a map."""
    return [one for one in collectives(text) if _pixels(one) > SMALL]


def _pixels(one):
    """Returns how many pixels of a map the result holds; 0 if it is no map."""
    most = 0
    for shape in one.shapes:
        dims = shape.dims
        if one.kind == "all-gather" and len(dims) > 2:
            # One long axis in an array of another rank can be the pixels.
            most = max(most, math.prod(dims[1:-1]), dims[-1] * (len(dims) != 4))
        elif one.kind == "all-reduce" and len(dims) == 4:
            # Gradients of kernels are sums too.
            is_map = dims[0] == 1 and dims[1] > 3
            most = max(most, math.prod(dims[1:-1]) * is_map)
    return most


def record(name, fill) -> dict:
    """Returns what a step exchanges and copies, and how exact the gradient is."""
    text = step_text(name, fill)
    copied = copied_maps(text)
    (logits, got), (expected, wanted) = (
        gradients(name, fill, space) for space in (SPACE, None)
    )
    largest = max(np.abs(x).max() for x in jax.tree.leaves(wanted))
    errors = jax.tree.map(
        lambda a, b: np.abs(a - b).max() / max(np.abs(b).max(), 1e-3 * largest),
        got,
        wanted,
    )
    return {
        "name": name,
        "collectives": totals(collectives(text)),
        "copied": [[one.kind, one.shapes[0].dims, one.source] for one in copied],
        "logits": float(np.abs(logits - expected).max() / np.abs(expected).max()),
        "gradient": float(max(jax.tree.leaves(errors))),
    }


if __name__ == "__main__":
    from tests.conftest import fill_variables

    for name in sys.argv[1:]:
        print(json.dumps(record(name, fill_variables)), flush=True)
