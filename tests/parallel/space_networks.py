"""Training steps of tiny networks whose rows are shared by devices."""

import dataclasses
import functools

import jax
import numpy as np
from jax.stages import Compiled

from jaxseg import create_model
from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import make_mesh
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.state import TrainState
from jaxseg.training.step.steps import train_step
from tests.contract.rows import ROWS

# Rows of 136 / 4, and of the coarser maps 68, 34, 17, 9 and 5, which four devices do
# not divide evenly.
SIZE, BATCH, CLASSES = (136, 200), 2, 3


@dataclasses.dataclass(frozen=True)
class Problem:
    """A step, and the state and the batch that it takes."""

    step: functools.partial
    state: TrainState
    batch: dict

    def compiled(self, space) -> Compiled:
        """Returns the program for images that `space` devices share."""
        backend = JitBackend(make_mesh(BATCH, space))
        abstract = backend.abstract(self.state, self.batch)
        return backend.compile(self.step, donate=False).lower(*abstract).compile()

    def placed(self, space) -> tuple:
        """Returns state and batch on the devices."""
        backend = JitBackend(make_mesh(BATCH, space))
        return backend.put_state(self.state), backend.put_batch(self.batch)


def problem(name, fill, size=SIZE) -> Problem:
    """Returns the training step of the tiny variant of a network."""
    row = ROWS[name]
    model = create_model(name, CLASSES, **row["narrow"])
    loss = {} if row.get("task") == "pix2pix" else row.get("loss", {})
    shape = (BATCH, *size, row.get("channels", 3))
    variables = fill(model, (1, *shape[1:]))
    tx, _ = optim.build(OptimConfig(name="sgd", learning_rate=1.0, momentum=0.0), 10)
    state = TrainState(
        step=np.int32(0),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=jax.eval_shape(tx.init, variables["params"]),
        ema=None,
        rng=jax.random.key(0),
    )
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), state.opt_state)
    random = np.random.default_rng(0)
    label = random.integers(0, CLASSES, shape[:3]).astype(np.int32)
    label[0, 9:20] = 255
    batch = {
        "image": random.normal(0, 1, shape).astype(np.float32),
        "label": label,
    }
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=build_objective(LossConfig(**loss))
    )
    return Problem(step, state.replace(opt_state=zeros), batch)
