"""Training, scoring and drawing of networks of point clouds: a `System`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import losses
from jaxseg.config import Config, LossConfig
from jaxseg.data import (
    Clouds,
    DatasetSpec,
    class_frequencies,
    cloud_eval_batches,
    cloud_train_batches,
)
from jaxseg.runs import memory
from jaxseg.runs.directory import build_model
from jaxseg.tasks import overlays
from jaxseg.training.devices.backends import AXIS
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.run.task import Task
from jaxseg.training.step import steps
from jaxseg.training.step.state import TrainState, create_state
from jaxseg.viz.ply import write_ply

INPUTS = ("points", "feature", "mask")  # of a batch, in the network's order
Batch = Mapping[str, jax.Array]


def assemble(
    config: Config, source: Clouds, chosen: list[jax.Device]
) -> tuple[StepRunner, TrainState, nn.Module]:
    """Runner, new state and network of a run."""
    spec, run = source.spec, config.train
    axis = AXIS if run.parallel_backend == "pmap" else None
    model = build_model(config, spec.num_classes, axis_name=axis)
    plain_model = build_model(config, spec.num_classes)  # outside pmap
    tx, schedule = optim.build(config.optim, run.steps, batch_size=run.batch_size)
    weighted = config.loss.class_weights != "none"
    train_step = functools.partial(
        steps.train_step,
        model=model,
        tx=tx,
        loss_fn=cloud_loss(
            config.loss,
            class_pixels=class_frequencies(source).pixels if weighted else None,
            void=spec.void,
            axis_name=axis,
        ),
        inputs=INPUTS,
        prepare=with_integers,
        schedule=schedule,
        ema=run.ema,
        grad_accum_steps=run.grad_accum_steps,
        remat=run.remat,
        void=spec.void,
    )
    runner = StepRunner(
        train_step,
        counting(config, plain_model, spec),
        kind=run.parallel_backend,
        devices=chosen,
        space=run.spatial_shards,
        shard=run.shard,
    )
    points, *more = plain_model.example_inputs()
    state = create_state(
        plain_model,
        tx,
        seed=run.seed,
        image_shape=points.shape,
        more_inputs=more,
        ema=run.ema is not None,
        check=memory.state_check(chosen),
    )
    return runner, state, plain_model


def cloud_loss(config: LossConfig, **options: Any) -> Callable:
    """`losses.build_objective` for logits [B, N, K]: a cloud is an image of one column.

    Raises:
      ValueError: for losses of neighboring pixels.
    """
    for name in (config.name, *(extra for extra, _ in config.additional)):
        if name in losses.LOSSES and not losses.LOSSES[name].for_points:
            allowed = [n for n, loss in losses.LOSSES.items() if loss.for_points]
            raise ValueError(
                f"loss.name={name!r} is invalid for point clouds, which have no "
                f"neighboring pixels: expected one of {', '.join(allowed)}."
            )
    loss_fn = losses.build_objective(config, **options)

    def of_columns(outputs, batch):
        outputs = {name: value[:, :, None] for name, value in outputs.items()}
        return loss_fn(outputs, {**batch, "label": batch["label"][:, :, None]})

    return of_columns


def with_integers(batch: Batch) -> Batch:
    """Labels as int32."""
    return {**batch, "label": batch["label"].astype(jnp.int32)}


def counting(config: Config, model: nn.Module, spec: DatasetSpec) -> functools.partial:
    """The evaluation step of a configuration."""
    del config
    return functools.partial(
        steps.eval_step,
        model=model,
        num_classes=spec.num_classes,
        inputs=INPUTS,
        void=spec.void,
        prepare=with_integers,
    )


def make_task(
    config: Config,
    workdir: Path,
    model: nn.Module,
    train_source: Clouds,
    eval_source: Clouds,
) -> Task:
    """The streams and pictures of a run."""
    share = {
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    return Task(
        classes=train_source.spec.classes,
        ids=train_source.ids,
        eval_ids=eval_source.ids,
        train_batches=lambda start: cloud_train_batches(
            train_source,
            config.data,
            seed=config.train.seed,
            batch_size=config.train.batch_size,
            start_step=start,
            **share,
        ),
        eval_batches=lambda: cloud_eval_batches(
            eval_source, batch_size=config.train.eval_batch_size, **share
        ),
        overlays=_writer(workdir, model, eval_source, config.train.num_overlays),
    )


def classifier(model: nn.Module, variables: Any) -> Callable[[Batch], np.ndarray]:
    """Maps a batch of clouds to probabilities float32 [B, N, K]."""

    @jax.jit
    def probabilities(variables, inputs):
        return jax.nn.softmax(model.apply(variables, *inputs, train=False)["logits"])

    return lambda batch: np.asarray(
        probabilities(variables, [batch[name] for name in INPUTS])
    )


def _writer(
    workdir: Path, model: nn.Module, source: Clouds, count: int
) -> Callable[[int, Any], None] | None:
    """Writes the first batch of validation clouds in the colors of their classes."""
    if count < 1 or jax.process_index() != 0:
        return None
    palette = np.array(source.spec.palette, np.uint8)

    def write(step: int, variables: Any) -> None:
        local = jax.tree.map(lambda x: x.addressable_data(0), variables)
        batch = next(cloud_eval_batches(source, batch_size=min(count, len(source))))
        label = classifier(model, local)(batch).argmax(-1)
        folder = workdir / overlays.FOLDER / f"{step:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        for row, index in enumerate(batch["index"]):
            there = batch["mask"][row]
            if there.any():
                path = folder / overlays.file_name(source.ids[index])
                color = palette[label[row][there]]
                write_ply(path.with_suffix(".ply"), batch["points"][row][there], color)

    return write
