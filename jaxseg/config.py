"""The run configuration: frozen dataclasses, one per part of a run.

A file `experiments/<name>/config.py` defines `config = Config(...)`; the command line
overrides single fields (`--optim.learning-rate 0.02`). Nothing here imports jaxseg.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which network: a name of `jaxseg.list_models()` and its keyword options."""

    name: str = "unet"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images, how they are read, and how they are augmented."""

    name: str = "shapes"  # | "raters" | "camvid" | "isbi" | "folder" | "rooms"
    path: str | None = None  # raw files of camvid, isbi and folder
    data_dir: str | None = None  # prepared data; default $JAXSEG_DATA_DIR, ~/.cache
    classes: tuple[str, ...] = ()  # class list of "folder"
    # What mask values mean: pairs such as 0:void 1:0 2:1, or 0/255 (background/object)
    labels: str | tuple[str | tuple[int, int | str], ...] = ()
    train_split: str = "train"
    eval_split: str = "validation"
    backend: Literal["grain", "tf"] = "grain"
    crop: tuple[int, int] = (96, 128)  # height, width in pixels
    scale_range: tuple[float, float] = (0.5, 2.0)
    flip: bool = True
    color_jitter: float = 0.0  # strength of brightness, contrast and saturation jitter
    duplicate: tuple[str, ...] = ()  # images with any of these classes come twice
    elastic: float = 0.0  # pixels; standard deviation of a 3x3 grid of displacements
    points: int = 4096  # clouds: at most so many points, those around a random one
    jitter: float = 0.0  # clouds: meters; standard deviation of each coordinate
    eval_scale: float = 1.0  # the network sees images resized by this factor
    cache: bool = True  # keep decoded images in memory
    on_bad_file: Literal["stop", "skip"] = "stop"
    range: tuple[float, float] | None = None  # black, white; beyond 8 bits
    max_pixels: int = 178_956_970  # larger image files are refused
    workers: int = 4  # reading threads


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """Optimizer, schedule and decay."""

    name: Literal["sgd", "adamw", "rmsprop", "adadelta", "lamb", "lars"] = "adamw"
    learning_rate: float = 1e-3
    reference_batch: int | None = None  # learning rates are meant for such a batch
    batch_scaling: Literal["linear", "sqrt"] = "linear"  # rate by batch / reference
    momentum: float = 0.9  # sgd, rmsprop and lars
    beta1: float = 0.9  # adamw and lamb: of the running mean of gradients
    nesterov: bool = False  # sgd, rmsprop and lars
    trust_coefficient: float = 0.001  # lars
    rms_decay: float = 0.9  # rmsprop and adadelta: of the running mean of squares
    weight_decay: float = 1e-4  # decoupled in adamw and lamb, else of the gradient
    decay: Literal["kernels", "all"] = "kernels"  # kernels: no bias, no normalization
    schedule: Literal["poly", "cosine", "step", "exponential", "constant"] = "poly"
    power: float = 0.9  # poly
    final_learning_rate: float = 0.0  # poly, cosine: at the last step
    milestones: tuple[float, ...] = (0.6, 0.85)  # step: fractions of the run
    decay_factor: float = 0.1  # step, exponential
    decay_every: int = 0  # exponential: steps between two multiplications
    warmup_steps: int = 0
    clip_norm: float | None = None
    # (regular expression on "backbone/conv1/kernel", multiplier); the first match wins
    groups: tuple[tuple[str, float], ...] = ()
    freeze: tuple[str, ...] = ()  # regular expressions: these parameters never change
    layer_decay: float | None = None  # learning rate from layer to layer backwards


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Training objective."""

    name: str = "cross_entropy"
    extra: tuple[tuple[str, float], ...] = ()  # further losses, each with a coefficient
    # by loss name, e.g. {"ohem_cross_entropy": {"min_kept": 5000}}
    options: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    class_weights: Literal["none", "median_frequency"] = "none"
    aux_weight: float = 0.4  # of cross entropy on auxiliary outputs
    edge_weight: float = 20.0  # of the edge loss, for models with an edge output
    edge_radius: int = 1  # pixels
    presence_weight: float = 0.2  # of "which classes are in the image" (GINet)
    kl_weight: float = 10.0  # beta of the bound (Probabilistic U-Net)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Length, batch, devices and records of a run."""

    steps: int = 1000
    batch_size: int = 8  # global, over all devices and hosts
    eval_batch_size: int = 8
    seed: int = 0
    init_from: str | None = None  # work directory whose best weights start the run
    # regular expressions: these parameters start fresh all the same
    init_fresh: tuple[str, ...] = ()
    driver: Literal["jit", "pmap"] = "jit"
    space: int | tuple[int, int] = 1  # devices that share an image's rows (and columns)
    shard: Literal["none", "batch"] = "none"  # batch: state kept in parts by devices
    dtype: Literal["float32", "bfloat16"] = "float32"
    ema: float | None = None  # decay of the exponential moving average of weights
    accumulate: int = 1  # micro-batches that an update's batch is cut into
    remat: Literal["none", "block", "stage"] = "none"  # recompute for the gradient
    log_every: int = 10
    eval_every: int = 250
    save_every: int = 250
    keep_latest: int = 2
    overlay_count: int = 3


@dataclasses.dataclass(frozen=True)
class Config:
    """One training run."""

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
