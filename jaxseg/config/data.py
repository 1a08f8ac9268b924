"""Defines the options that select a dataset, and how it is read and augmented."""

from __future__ import annotations

import dataclasses
from typing import Literal


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
      classes: The class names in the order of their indices, for the dataset "folder"
        or a tfds dataset. By default they are read from the file classes.txt in
        raw_dir, or from the tfds dataset.
      labels: The class index of each pixel value in the mask files, as pairs
        VALUE:CLASS such as 0:void 1:0 2:1, or as BACKGROUND/OBJECT such as 0/255. By
        default the pixel values are the class indices, and 255 is void (ignored).
      variant: The names of dataset variants, for datasets that publications use in
        different ways, such as with another split. `jaxseg data list` shows them. The
        default is the most common variant.
      image: The name of the feature of a tfds dataset that contains the image, such as
        "photo", or "scene/photo" for "photo" inside the feature "scene". By default it
        is inferred, which works if only one feature can be the image.
      label: The name of the feature of a tfds dataset that contains the mask. By
        default it is inferred, which works if only one feature can be the mask.
      module: The Python module, or the .py file, that registers your own builder with
        tensorflow_datasets.
      train_split: The split that the network is trained on, or a slice of a split such
        as train[:90%].
      eval_split: The split that the network is evaluated on, or a slice of a split.
      backend: The library that reads the data: "grain" for Grain, or "tf" for tf.data,
        which requires the installation of jaxseg[tf].
      crop: The height and width of the training crops in pixels.
      scale_range: The smallest and the largest factor by which training images are
        resized at random. Both are from 0.1 to 10.
      flip: Whether to mirror each training image with probability 1/2.
      color_jitter: The strength of the random changes of brightness, contrast and
        saturation, from 0 to 1.
      oversample_classes: Images that contain any of these classes appear twice per
        epoch.
      elastic: The strength of the elastic deformation of training images: the nodes of
        a 3x3 grid on the image move by random distances with this standard deviation in
        pixels. 0 turns it off.
      augment: Further random augmentations in the order in which they are applied, such
        as flip "rotate(degrees=10, probability=0.5)". docs/guide/augmentation.md lists
        their names and parameters.
      albumentations: A pipeline of Albumentations as FILE.py:NAME, where NAME is a
        variable of the Python file. It is applied after the entries of augment.
      num_points: The largest number of points of a training example from a point cloud.
        Larger clouds are reduced to the points nearest to a randomly chosen point.
      point_jitter: The standard deviation, in meters, of the random noise that is added
        to each coordinate of the training points of a point cloud.
      eval_scale: The factor by which images are resized before the network segments
        them in an evaluation, from 0.1 to 10.
      eval_multiple: Evaluation and prediction pad the height and the width of images to
        multiples of this number of pixels. 1 segments each image at its own size. For
        each size a program is compiled, so larger numbers save time if the images have
        many sizes, but padding changes some labels near the right and lower border.
      cache: Whether to keep decoded images in memory, up to 8 GiB. Several worker
        processes divide this memory. Images that do not fit are decoded each time, but
        only the part that the crop needs.
      on_bad_file: What happens if an image or its mask cannot be used. "stop" raises an
        error. "skip" leaves both files out and reports them.
      channels: The number of channels of the images, from 1 to 32. By default, 8-bit
        gray and RGB images get three channels, and other images keep the channels of
        the file. The value 1 keeps one channel for 8-bit gray images.
      pixels: How images that are not 8-bit gray or RGB are read. "stored" keeps
        their type and their channels. "rgb8" converts them to 8-bit RGB with
        data.range.
      range: Two pixel values that are mapped to 0 and 1 before normalization, or
        "percentiles" for the 0.5 % and 99.5 % percentiles of the training split. The
        default is the full range of the integer type. With data.pixels=rgb8, the two
        values become black (0) and white (255).
      statistics: The mean and standard deviation of each channel by which images are
        normalized. "imagenet", the default for 8-bit RGB, takes the values of ImageNet,
        or those that jaxseg stores for the dataset. "dataset", the default for other
        images, computes them from the training split.
      max_pixels: The largest number of pixels of an image file. Larger images are
        refused.
      workers: The number of reading threads in each process that reads data.
      worker_processes: The number of processes that read the training data. 0 reads
        with threads of the main process, which cannot use more than a few cores.
      mix: Several datasets on which one network is trained. data.classes then lists the
        classes of all of them together, and the options that select a single dataset,
        such as name and raw_dir, must keep their defaults.
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
    augment: tuple[str, ...] = ()
    albumentations: str | None = None
    num_points: int = 4096
    point_jitter: float = 0.0
    eval_scale: float = 1.0
    eval_multiple: int = 1
    cache: bool = True
    on_bad_file: Literal["stop", "skip"] = "stop"
    channels: int | None = None
    pixels: Literal["stored", "rgb8"] = "stored"
    range: tuple[float, float] | Literal["percentiles"] | None = None
    statistics: Literal["dataset", "imagenet"] | None = None
    max_pixels: int = 178_956_970
    workers: int = 4
    worker_processes: int = 0
    mix: tuple[MemberConfig, ...] = ()


@dataclasses.dataclass(frozen=True)
class MemberConfig:
    """Selects one of several datasets on which one network is trained.

    Attributes:
      name: The name of the dataset in the scores and tables of the run. The default is
        data.name.
      data: The options that select the dataset and its splits. Options of the whole
        batch, such as the crop, must keep their defaults, because all datasets share
        the values of the run.
      class_map: The file of the class map, or the lines of such a file, for example
        "vehicle -> car | truck". By default each class is mapped to the class of the
        same name in the combined class list.
      weight: The relative number of training examples from this dataset. A dataset with
        weight 2 contributes twice as many as one with weight 1. A dataset with weight 0
        is only evaluated.
    """

    name: str = ""
    data: DataConfig = DataConfig()
    class_map: str | tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def title(self) -> str:
        """Returns the name that the dataset has in the scores and tables of the run."""
        return self.name or self.data.name
