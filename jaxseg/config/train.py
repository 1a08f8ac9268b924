"""Defines the options of the length, the devices and the outputs of a run."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Sets the length, the batch size, the devices and the outputs of a training run.

    Attributes:
      steps: The number of optimizer updates.
      batch_size: The number of examples per update, over all devices and hosts.
      eval_batch_size: The number of examples per evaluation batch, over all devices and
        hosts.
      seed: The seed of all random numbers of the run.
      init_from: The weights with which this run starts: the run directory of a
        finished run, a weights file of a supported library, an address
        "hf://org/name/file", or a name that `jaxseg models --pretrained` lists. If it
        is an image classifier, only its backbone is used.
      init_fresh: Regular expressions for parameter paths. Parameters whose path matches
        one of them are initialized at random instead of being loaded from init_from.
      adapter_rank: The rank of the low-rank adapters (LoRA, arXiv 2106.09685) that are
        trained in place of the backbone. The linear layers of a transformer, or the 1x1
        convolutions of a convolutional backbone, get adapters, and the backbone's own
        parameters keep their values. None trains the backbone itself.
      parallel_backend: The JAX function that distributes the training step over the
        devices: "jit" with a device mesh, or "pmap".
      spatial_shards: The number of devices over which the rows of an image are sharded.
        Two numbers, such as 2 4, shard the columns as well: 2 groups of rows and 4 of
        columns.
      shard: How parameters and optimizer state are distributed. "none" keeps a full
        copy on every device. "fsdp" shards them over the devices, as ZeRO does.
      dtype: The data type in which the network computes. Parameters stay float32.
      ema: The decay rate of the exponential moving average of the weights. Evaluation
        uses the average. None keeps no average.
      grad_accum_steps: The number of micro-batches into which the batch of an update is
        split. Their gradients are accumulated before the update. Batch
        normalization uses the statistics of each micro-batch, so networks that contain
        it give another loss than with the whole batch.
      remat: The activations that are recomputed in the backward pass to save memory:
        "none", or those inside each block ("block") or each stage ("stage") of the
        network.
      memory: The memory of one device, such as 16GiB. If it is set, remat, shard and
        spatial_shards are chosen so that the training step fits and is fast.
        grad_accum_steps is chosen as well if it does not change the result. 5 % of the
        memory remains free.
      memory_changes: What may also be chosen so that the training step fits into
        train.memory, although it changes the result of the training: the number of
        micro-batches ("accumulation"), the data type ("dtype") or the batch size
        ("batch").
      loggers: The services that receive the metrics in addition to metrics.jsonl and
        TensorBoard.
      log_every: The number of steps between two log entries with training metrics.
      eval_every: The number of steps between two evaluations.
      patience: The number of evaluations without a higher mean IoU after which the run
        ends early. None trains all steps. The best checkpoint is kept in either case.
      save_every: The number of steps between two checkpoints.
      max_to_keep: The number of recent checkpoints that are kept. The best one is kept
        as well.
      num_overlays: The number of evaluation images whose predictions are written as
        pictures to the folder "overlays" of the run directory at each evaluation.
      report_images: The largest number of evaluation images on which the network is
        evaluated for report.html at the end of the run. 0 writes no report.
    """

    steps: int = 1000
    batch_size: int = 8
    eval_batch_size: int = 8
    seed: int = 0
    init_from: str | None = None
    init_fresh: tuple[str, ...] = ()
    adapter_rank: int | None = None
    parallel_backend: Literal["jit", "pmap"] = "jit"
    spatial_shards: int | tuple[int, int] = 1
    shard: Literal["none", "fsdp"] = "none"
    dtype: Literal["float32", "bfloat16"] = "float32"
    ema: float | None = None
    grad_accum_steps: int = 1
    remat: Literal["none", "block", "stage"] = "none"
    memory: str | None = None
    memory_changes: tuple[Literal["accumulation", "dtype", "batch"], ...] = ()
    loggers: tuple[Literal["wandb", "mlflow"], ...] = ()
    log_every: int = 10
    eval_every: int = 250
    patience: int | None = None
    save_every: int = 250
    max_to_keep: int = 2
    num_overlays: int = 3
    report_images: int = 50
