"""Defines the run configuration as frozen dataclasses, one for each part of a run.

A file `experiments/<name>/config.py` defines `config = Config(...)`. The command line
overrides single fields, as in `--optim.learning-rate 0.02`, and shows the descriptions
of the fields below as its help. Nothing here imports jaxseg.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Selects the network.

    Attributes:
      name: The name of a network; `jaxseg models` lists all names. With a backbone, the
        name of a family, such as deeplabv3plus.
      options: The keyword options of that network.
      backbone: The backbone of the family; `jaxseg models --backbones` lists all names.
        By default a network has its own.
    """

    name: str = "unet"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    backbone: str | None = None

    @property
    def title(self) -> str:
        """The name, with the backbone where one is chosen."""
        return self.name if self.backbone is None else f"{self.name} on {self.backbone}"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Selects the images and states how they are read and augmented.

    Attributes:
      name: The name of a dataset; the help of `jaxseg train` lists all names. Any
        dataset of tensorflow_datasets is tfds:NAME, tfds:NAME/CONFIG:VERSION or, if it
        is prepared already, tfds:PATH with the path of its folder.
      raw_dir: The folder of the raw files. Generated datasets have none. For a tfds
        dataset whose files you download yourself, it is the folder of these files.
      prepared_dir: The folder of prepared data. The default is $JAXSEG_DATA_DIR, or
        ~/.cache/jaxseg where that is not set.
      classes: The class names of the dataset folder or of a tfds dataset, in the order
        of their labels. The default is the file classes.txt of that folder, or the
        names in the tfds dataset.
      labels: The class of each value in the mask files, as pairs such as 0:void 1:0
        2:1, or as BACKGROUND/OBJECT such as 0/255. By default the values are the
        labels.
      variant: Choices of that dataset where published work differs, such as another
        split; by default the most common ones.
      image: The feature of a tfds dataset that holds the image, such as photo, or
        scene/photo inside of another feature. It is inferred if only one is possible.
      label: The feature of a tfds dataset that holds the mask. It is inferred if only
        one is possible.
      module: The Python module, or the .py file, that registers your own builder with
        tensorflow_datasets.
      train_split: The split that the network is trained on, or a slice of it such as
        train[:90%].
      eval_split: The split that the network is evaluated on, or a slice of it.
      backend: The library that reads the data: grain, or tf for tf.data, which needs
        jaxseg[tf].
      crop: Height and width of the training crop in pixels.
      scale_range: The smallest and the largest factor by which training images are
        resized at random, from 0.1 to 10.
      flip: Mirrors each training image with probability 1/2.
      color_jitter: The strength of the random changes of brightness, contrast and
        saturation, from 0 to 1.
      oversample_classes: Images that contain any of these classes appear twice per
        epoch.
      elastic: The standard deviation, in pixels, of the random displacements of a 3x3
        grid that deform training images.
      num_points: The largest number of points of a training example, for point clouds.
        They are the nearest ones to a random point.
      point_jitter: The standard deviation, in meters, of the noise on each coordinate,
        for point clouds.
      eval_scale: The factor by which images are resized before the network evaluates
        them, from 0.1 to 10.
      cache: Keeps decoded images in memory.
      on_bad_file: How a bad file is handled: stop raises an error; skip leaves the pair
        out and reports it.
      range: The pixel values that become black and white in images of more than 8 bits
        per channel.
      max_pixels: Image files with more pixels than this are refused.
      workers: The number of threads that read the data.
    """

    name: str = "shapes"
    raw_dir: str | None = None
    prepared_dir: str | None = None
    classes: tuple[str, ...] = ()
    labels: str | tuple[str | tuple[int, int | str], ...] = ()
    variant: tuple[str, ...] = ()
    image: str | None = None
    label: str | None = None
    module: str | None = None
    train_split: str = "train"
    eval_split: str = "validation"
    backend: Literal["grain", "tf"] = "grain"
    crop: tuple[int, int] = (96, 128)
    scale_range: tuple[float, float] = (0.5, 2.0)
    flip: bool = True
    color_jitter: float = 0.0
    oversample_classes: tuple[str, ...] = ()
    elastic: float = 0.0
    num_points: int = 4096
    point_jitter: float = 0.0
    eval_scale: float = 1.0
    cache: bool = True
    on_bad_file: Literal["stop", "skip"] = "stop"
    range: tuple[float, float] | None = None
    max_pixels: int = 178_956_970
    workers: int = 4


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """Selects the optimizer, the learning rate schedule and the weight decay.

    Attributes:
      name: The optimizer.
      learning_rate: The learning rate at the start of the schedule, after the warmup.
      base_batch_size: The batch size that the learning rate is meant for. The rate is
        scaled from it to the batch size of the run. None turns the scaling off.
      batch_scaling: Scales the learning rate linearly with the batch size, or with its
        square root.
      momentum: The momentum of sgd, rmsprop and lars.
      beta1: The decay of the running mean of gradients in adamw and lamb.
      nesterov: Uses Nesterov momentum in sgd, rmsprop and lars.
      trust_coefficient: The trust coefficient of lars.
      rms_decay: The decay of the running mean of squared gradients in rmsprop and
        adadelta.
      weight_decay: The weight decay. adamw and lamb apply it to the weights directly,
        the other optimizers add it to the gradient.
      decay_mask: The parameters that weight decay applies to: kernels leaves out biases
        and normalization, all leaves out nothing.
      schedule: The schedule of the learning rate.
      poly_power: The exponent of the poly schedule.
      final_learning_rate: The learning rate at the last step of the poly and cosine
        schedules.
      milestones: The fractions of the run at which the step schedule multiplies the
        rate by decay_factor.
      decay_factor: The factor of the step and exponential schedules.
      decay_every: The number of steps between two multiplications of the exponential
        schedule.
      warmup_steps: The number of steps in which the learning rate rises linearly at the
        start.
      clip_norm: The largest global norm of the gradient; larger gradients are scaled
        down to it. None turns clipping off.
      lr_multipliers: Pairs of a regular expression on parameter paths such as
        backbone/conv1/kernel and a multiplier of the learning rate. The first match
        counts.
      freeze: Regular expressions on parameter paths. Parameters that match any of them
        do not change.
      layer_decay: The factor by which the learning rate falls from each layer to the
        one before it. None gives all layers one rate.
    """

    name: Literal["sgd", "adamw", "rmsprop", "adadelta", "lamb", "lars"] = "adamw"
    learning_rate: float = 1e-3
    base_batch_size: int | None = None
    batch_scaling: Literal["linear", "sqrt"] = "linear"
    momentum: float = 0.9
    beta1: float = 0.9
    nesterov: bool = False
    trust_coefficient: float = 0.001
    rms_decay: float = 0.9
    weight_decay: float = 1e-4
    decay_mask: Literal["kernels", "all"] = "kernels"
    schedule: Literal["poly", "cosine", "step", "exponential", "constant"] = "poly"
    poly_power: float = 0.9
    final_learning_rate: float = 0.0
    milestones: tuple[float, ...] = (0.6, 0.85)
    decay_factor: float = 0.1
    decay_every: int = 0
    warmup_steps: int = 0
    clip_norm: float | None = None
    lr_multipliers: tuple[tuple[str, float], ...] = ()
    freeze: tuple[str, ...] = ()
    layer_decay: float | None = None


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Selects the training objective.

    Attributes:
      name: The main loss.
      additional: Additional losses, each a pair of a name and a coefficient.
      options: The options of each loss by its name, such as {"ohem_cross_entropy":
        {"min_kept": 5000}}.
      class_weights: The weights of the classes: none weighs them equally,
        median_frequency raises rare ones.
      aux_weight: The coefficient of the cross entropy on auxiliary outputs.
      edge_weight: The coefficient of the edge loss, for models with an edge output.
      edge_radius: The distance, in pixels, from a class border within which a pixel is
        an edge.
      presence_weight: The coefficient of the loss on which classes an image contains
        (GINet).
      kl_weight: The coefficient beta of the KL divergence (Probabilistic U-Net).
    """

    name: str = "cross_entropy"
    additional: tuple[tuple[str, float], ...] = ()
    options: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    class_weights: Literal["none", "median_frequency"] = "none"
    aux_weight: float = 0.4
    edge_weight: float = 20.0
    edge_radius: int = 1
    presence_weight: float = 0.2
    kl_weight: float = 10.0


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Sets the length, the batch, the devices and the records of a run.

    Attributes:
      steps: The number of optimizer updates.
      batch_size: The number of examples per update, over all devices and hosts.
      eval_batch_size: The number of examples per evaluation batch, over all devices and
        hosts.
      seed: The seed of all randomness of the run.
      init_from: The work directory of a finished run. Its best weights are the initial
        weights of this run.
      init_fresh: Regular expressions on parameter paths. Parameters that match any of
        them are not taken from init_from but initialized at random.
      parallel_backend: Runs the steps by jit on a mesh of devices, or by pmap.
      spatial_shards: The number of devices over which the rows of an image are sharded,
        or two numbers for its rows and columns.
      shard: Where the training state is kept: none keeps a full copy on every device,
        fsdp shards it over the devices (ZeRO).
      dtype: The type in which the network computes. Parameters stay float32.
      ema: The decay of the exponential moving average of the weights, which evaluation
        uses. None keeps no average.
      grad_accum_steps: The number of micro-batches into which the batch of an update is
        divided.
      remat: Saves memory by recomputing activations in the backward pass, for each
        block or each stage of the network.
      log_every: The number of steps between two log records.
      eval_every: The number of steps between two evaluations.
      save_every: The number of steps between two checkpoints.
      max_to_keep: The number of recent checkpoints that are kept. The best one is kept
        as well.
      num_overlays: The number of evaluation images that are written with their
        predictions.
    """

    steps: int = 1000
    batch_size: int = 8
    eval_batch_size: int = 8
    seed: int = 0
    init_from: str | None = None
    init_fresh: tuple[str, ...] = ()
    parallel_backend: Literal["jit", "pmap"] = "jit"
    spatial_shards: int | tuple[int, int] = 1
    shard: Literal["none", "fsdp"] = "none"
    dtype: Literal["float32", "bfloat16"] = "float32"
    ema: float | None = None
    grad_accum_steps: int = 1
    remat: Literal["none", "block", "stage"] = "none"
    log_every: int = 10
    eval_every: int = 250
    save_every: int = 250
    max_to_keep: int = 2
    num_overlays: int = 3


@dataclasses.dataclass(frozen=True)
class Config:
    """Holds the configuration of one training run.

    Attributes:
      model: The network.
      data: The images and their augmentation.
      optim: The optimizer.
      loss: The training objective.
      train: The length, the batch, the devices and the records.
    """

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
