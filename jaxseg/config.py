"""Defines the configuration of a training run as frozen dataclasses.

A file `experiments/<name>/config.py` defines `config = Config(...)`. Options of the
command line override single fields, as in `--optim.learning-rate 0.02`, and their help
shows the descriptions of the fields below. This module imports no other part of jaxseg.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Selects the network.

    Attributes:
      name: The name of a network, such as deeplabv3_resnet50; `jaxseg models` lists all
        names. If `backbone` is set, it is the name of a family of networks, such as
        deeplabv3plus; `jaxseg models --families` lists these names.
      options: The keyword arguments of the network, such as {"output_stride": 8}.
      backbone: The backbone with which the family is built; `jaxseg models --backbones`
        lists all names. By default the backbone follows from the name of the network.
    """

    name: str = "unet"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    backbone: str | None = None

    @property
    def title(self) -> str:
        """The name of the network, followed by the backbone if one is chosen."""
        return self.name if self.backbone is None else f"{self.name} on {self.backbone}"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Selects the dataset and sets how it is read and augmented.

    Attributes:
      name: The name of a dataset; the help of `jaxseg train` lists all names. A dataset
        of tensorflow_datasets (tfds) is tfds:NAME, tfds:NAME/CONFIG:VERSION or, if its
        prepared data exist already, tfds:PATH with the path of their folder.
      raw_dir: The folder of the original files of the dataset. Generated datasets need
        none. A tfds dataset needs it only if you must download the files yourself.
      prepared_dir: The folder in which converted data are stored for fast reading. The
        default is $JAXSEG_DATA_DIR, or ~/.cache/jaxseg if that variable is not set.
      classes: The class names in the order of their indices, for the dataset folder or
        a tfds dataset. By default they are read from the file classes.txt in raw_dir,
        or from the tfds dataset.
      labels: The class index of each pixel value in the mask files, as pairs
        VALUE:CLASS such as 0:void 1:0 2:1, or as BACKGROUND/OBJECT such as 0/255. By
        default the pixel values are the class indices, and 255 is void (ignored).
      variant: The variants of the dataset to use where publications differ, such as
        another split; `jaxseg data list` shows them. The default is the most common
        variant.
      image: The name of the feature of a tfds dataset that contains the image, such as
        photo, or scene/photo for the feature photo inside the feature scene. By default
        it is inferred, which works if only one feature can be the image.
      label: The name of the feature of a tfds dataset that contains the mask. By
        default it is inferred, which works if only one feature can be the mask.
      module: The Python module, or the .py file, that registers your own builder with
        tensorflow_datasets.
      train_split: The split that the network is trained on, or a slice of a split such
        as train[:90%].
      eval_split: The split that the network is evaluated on, or a slice of a split.
      backend: The library that reads the data: grain for Grain, or tf for tf.data,
        which requires the installation of jaxseg[tf].
      crop: The height and width of the training crops in pixels.
      scale_range: The smallest and the largest factor by which training images are
        resized at random. Both are from 0.1 to 10.
      flip: Whether to mirror each training image with probability 1/2.
      color_jitter: The strength of the random changes of brightness, contrast and
        saturation, from 0 to 1.
      oversample_classes: Images that contain any of these classes appear twice per
        epoch.
      elastic: The strength of elastic deformation. Each node of a 3x3 grid on the
        training image moves at random, with this standard deviation in pixels.
      num_points: The largest number of points of a training example from a point cloud.
        Larger clouds are reduced to the points nearest to a randomly chosen point.
      point_jitter: The standard deviation, in meters, of the random noise that is added
        to each coordinate of the training points of a point cloud.
      eval_scale: The factor by which images are resized before the network segments
        them in an evaluation, from 0.1 to 10.
      cache: Whether to keep decoded images in memory.
      on_bad_file: What happens if an image or its mask cannot be used: stop raises an
        error; skip leaves both files out and reports them.
      range: The two pixel values that become black (0) and white (255) in images of
        more than 8 bits per channel.
      max_pixels: The largest number of pixels of an image file. Larger images are
        refused.
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
      name: The name of the optimizer.
      learning_rate: The learning rate at the start of the schedule, after the warmup.
      base_batch_size: The batch size for which learning_rate was chosen. The learning
        rate is scaled by the ratio of the batch size of the run to this batch size.
        None turns the scaling off.
      batch_scaling: How the learning rate is scaled with the batch size: linear scales
        it by the ratio of the batch sizes, sqrt by the square root of the ratio.
      momentum: The momentum of sgd, rmsprop and lars.
      beta1: The decay rate of the running mean of gradients in adamw and lamb.
      nesterov: Whether sgd, rmsprop and lars use Nesterov momentum.
      trust_coefficient: The trust coefficient of lars.
      rms_decay: The decay rate of the running mean of squared gradients in rmsprop and
        adadelta.
      weight_decay: The coefficient of weight decay. adamw and lamb decay the weights
        directly; the other optimizers add the decay to the gradient.
      decay_mask: The parameters to which weight decay applies: kernels selects the
        kernels of layers, without biases and normalization; all selects all parameters.
      schedule: The shape of the learning rate schedule.
      poly_power: The exponent of the poly schedule.
      final_learning_rate: The learning rate at the last step of the poly and cosine
        schedules.
      milestones: The fractions of the run, from 0 to 1, at which the step schedule
        multiplies the learning rate by decay_factor.
      decay_factor: The factor by which the step and exponential schedules multiply the
        learning rate.
      decay_every: The number of steps after which the exponential schedule multiplies
        the learning rate by decay_factor.
      warmup_steps: The number of steps at the start during which the learning rate
        rises linearly.
      clip_norm: The largest global norm of the gradient; larger gradients are scaled
        down to it. None turns clipping off.
      lr_multipliers: Pairs of a regular expression and a factor. The learning rate of a
        parameter is multiplied by the factor of the first expression that matches its
        path, such as backbone/conv1/kernel.
      freeze: Regular expressions for parameter paths. Parameters whose path matches one
        of them are not trained.
      layer_decay: The learning rate of each block of the backbone, divided by that of
        the next block. None trains all blocks with one learning rate.
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
      additional: The losses that are added to the main loss, as pairs of the name of a
        loss and its coefficient.
      options: The options of each loss by the name of the loss, such as
        {"ohem_cross_entropy": {"min_kept": 5000}}.
      class_weights: The weights of the classes in the loss: none gives all classes
        equal weights; median_frequency gives rare classes larger weights.
      aux_weight: The coefficient of the cross entropy of the auxiliary outputs, for
        networks that have them.
      edge_weight: The coefficient of the edge loss, for networks with an edge output.
      edge_radius: The largest distance in pixels, along rows and along columns, from an
        edge pixel to a pixel of another class.
      presence_weight: The coefficient of the loss that predicts which classes occur in
        an image, for the network GINet.
      kl_weight: The coefficient (beta) of the Kullback-Leibler divergence between the
        posterior and the prior, for the Probabilistic U-Net.
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
    """Sets the length, the batch size, the devices and the outputs of a training run.

    Attributes:
      steps: The number of optimizer updates.
      batch_size: The number of examples per update, over all devices and hosts.
      eval_batch_size: The number of examples per evaluation batch, over all devices and
        hosts.
      seed: The seed of all random numbers of the run.
      init_from: The run directory of a finished run, whose best weights are the initial
        weights of this run.
      init_fresh: Regular expressions for parameter paths. Parameters whose path matches
        one of them are initialized at random instead of being loaded from init_from.
      parallel_backend: The JAX function that distributes the training step over the
        devices: jit with a device mesh, or pmap.
      spatial_shards: The number of devices over which the rows of an image are sharded,
        or two numbers for its rows and its columns.
      shard: How the training state is distributed: none keeps a full copy on every
        device; fsdp shards the state over the devices, as ZeRO does.
      dtype: The data type in which the network computes. Parameters stay float32.
      ema: The decay rate of the exponential moving average of the weights. Evaluation
        uses the average. None keeps no average.
      grad_accum_steps: The number of micro-batches into which the batch of an update is
        split. Their gradients are accumulated before the update.
      remat: The activations that are recomputed in the backward pass to save memory:
        none, or those inside each block or each stage of the network.
      log_every: The number of steps after which the training metrics are logged again.
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
    """Contains the configuration of one training run.

    Attributes:
      model: The network.
      data: The dataset and its augmentation.
      optim: The optimizer, the learning rate schedule and the weight decay.
      loss: The training objective.
      train: The length, the batch size, the devices and the outputs of the run.
    """

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
