"""Which batches an update may be cut into, and that the run's settings reach the step."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxseg.config import Config, ModelConfig, OptimConfig, TrainConfig
from jaxseg.data import DatasetSpec
from jaxseg.tasks.segmentation import build
from jaxseg.tasks.training import check_micro_batches


@pytest.mark.parametrize(
    ("batch", "count", "devices", "space"),
    [(16, 4, 4, 1), (8, 1, 8, 1), (8, 4, 4, 2), (6, 2, 1, 1)],
)
def test_even_parts_pass(batch, count, devices, space):
    run = TrainConfig(batch_size=batch, grad_accum_steps=count, spatial_shards=space)
    check_micro_batches(run, jax.devices()[:devices])


@pytest.mark.parametrize(
    ("batch", "count", "devices", "message"),
    [
        (
            8,
            3,
            1,
            "train.grad_accum_steps=3 is .* a divisor of train.batch_size=8",
        ),
        (8, 0, 1, "train.grad_accum_steps=0"),
        (
            8,
            4,
            4,
            "train.batch_size / train.grad_accum_steps=2 is invalid: expected a multiple of 4",
        ),
    ],
)
def test_others_are_named(batch, count, devices, message):
    run = TrainConfig(batch_size=batch, grad_accum_steps=count)
    with pytest.raises(ValueError, match=message):
        check_micro_batches(run, jax.devices()[:devices])


@pytest.mark.slow
def test_settings_reach_the_step():
    spec = DatasetSpec("two", ("a", "b"), ((0, 0, 0), (9, 9, 9)))
    config = Config(
        model=ModelConfig("unet", {"width": 2}),
        optim=OptimConfig(name="lamb", base_batch_size=16, schedule="constant"),
        train=TrainConfig(steps=2, batch_size=8, grad_accum_steps=2, remat="block"),
    )
    config = dataclasses.replace(
        config, data=dataclasses.replace(config.data, crop=(16, 16))
    )
    driver, new_state, _ = build(config, spec, jax.devices()[:1])
    state = jax.eval_shape(new_state)
    shape = {
        "image": jax.ShapeDtypeStruct((8, 16, 16, 3), np.uint8),
        "label": jax.ShapeDtypeStruct((8, 16, 16), np.uint8),
        "seed": jax.ShapeDtypeStruct((8,), np.uint32),
    }
    program = str(driver.trace(state, shape)[0].jaxpr)
    assert "length=2" in program  # a scan over two micro-batches
    assert "checkpoint" in program or "remat" in program
    assert "f32[4,16,16,2]" in program and "f32[8,16,16,2]" not in program
