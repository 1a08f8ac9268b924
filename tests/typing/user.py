"""A program of a user, which a type checker must accept."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

import jaxseg
from jaxseg.analysis import gridding_of, recommend
from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig
from jaxseg.losses import cross_entropy
from jaxseg.nn import ASPP, BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.typing import Array


class Head(nn.Module):
    """Uses a block of jaxseg in a module."""

    classes: int
    style: BlockConfig = BlockConfig(norm="batch")

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        context = ASPP(64, rates=(3, 6, 9), style=self.style, name="aspp")
        y: Array = context(x, train=train)
        return resize(nn.Dense(self.classes, name="logits")(y), x.shape[1:3])


def block() -> nn.Module:
    return jaxseg.nn.ASPP(64, rates=(3, 6, 9))


def loss(logits: Array, label: Array) -> Array:
    value, weight = cross_entropy(logits, label, void=255)
    return (value * weight).sum() / weight.sum()


def rates() -> tuple[int, ...]:
    plan = recommend(513, size=65, output_stride=8)[0]
    assert gridding_of(plan.rates).coverage > 0.5
    return plan.rates


def network() -> nn.Module:
    names: list[str] = jaxseg.list_models()
    model = jaxseg.create_model(names[0], num_classes=21)
    variables = model.init(jax.random.key(0), jnp.zeros((1, 65, 65, 3)), train=False)
    outputs: Any = model.apply(variables, jnp.zeros((1, 65, 65, 3)), train=False)
    assert outputs["logits"].shape[-1] == 21
    return model


def train_and_predict() -> np.ndarray:
    config = Config(
        model=ModelConfig("unet", {"width": 16}),
        data=DataConfig("camvid", raw_dir="camvid", crop=(360, 480)),
        optim=OptimConfig("sgd", learning_rate=0.01),
        train=TrainConfig(steps=20, batch_size=4),
    )
    jaxseg.train(config, "runs/mine")
    run = jaxseg.open_run("runs/mine")
    prediction = run.predict("street.jpg")
    labels: np.ndarray = prediction.labels
    return labels
