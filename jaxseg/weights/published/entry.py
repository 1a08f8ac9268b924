"""Defines `Entry`, which describes one file of published weights."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Entry:
    """Describes a file of published weights and the network that they belong to.

    Exactly one of `network` and `backbone` is not empty.

    Attributes:
      name: The name of the weights, such as "timm/resnet50.a1_in1k".
      library: The library that published the weights: torchvision, timm,
        segmentation_models_pytorch or mmsegmentation.
      url: The address of the file, "https://..." or "hf://org/name@revision/file".
      network: The name of the whole network for `create_model`, or "".
      backbone: The name of the backbone in `jaxseg.backbones.catalog.BACKBONES` if the
        file contains an image classifier, or "".
      options: The options with which the network or backbone of jaxseg equals that of
        the library.
      license: The license that the library states for the weights, or a sentence that
        says what is known.
      mean: The mean of each channel of the training images, on the scale from 0 to 1.
      std: The standard deviation of each channel, on the same scale.
      num_classes: The number of classes. It is 0 if the file has no classifier.
      classes: The names of the classes, or () if the library does not state them.
      data: The dataset that the weights were trained on, in the words of the library.
      score: The published score in percent, or None if the source has none.
      metric: The score that `score` states, such as "mIoU" or "top-1 accuracy", with
        the conditions of the measurement.
      score_source: The file or package that states the score.
      sha256: The first hexadecimal digits of the SHA-256 digest of the file, as a
        public source states them, or "".
    """

    name: str
    library: str
    url: str
    network: str = ""
    backbone: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    license: str = ""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    num_classes: int = 0
    classes: tuple[str, ...] = ()
    data: str = ""
    score: float | None = None
    metric: str = ""
    score_source: str = ""
    sha256: str = ""

    @property
    def title(self) -> str:
        """Returns the name of the network, or "backbone NAME" if there is none."""
        return self.network or f"backbone {self.backbone}"

    @property
    def file(self) -> str:
        """Returns the last part of `url`, the name of the file without folders."""
        return self.url.rpartition("/")[2]
