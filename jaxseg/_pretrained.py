"""Loads networks with the weights of a checkpoint from any supported library."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flax import linen as nn

from jaxseg.backbones.catalog import BACKBONES
from jaxseg.config.wording import with_python_words
from jaxseg.models.unknown_option import naming_options
from jaxseg.runs.conversion import convert, run_variables
from jaxseg.runs.directory import build_model
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.formats import files
from jaxseg.weights.loading import Taking, load
from jaxseg.weights.published import table
from jaxseg.weights.published.entry import Entry
from jaxseg.weights.translate.refused import Refused


class Pretrained(NamedTuple):
    """Contains a network or a backbone, and its weights.

    Attributes:
      model: The network. It is the backbone alone if the source is an image classifier
        that `jaxseg models --pretrained` lists, and no network was chosen.
      variables: The parameters and the normalization statistics.
    """

    model: nn.Module
    variables: Any


@with_python_words
def load_pretrained(
    source: str | os.PathLike,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    model: str = "",
    backbone: str = "",
    model_options: Mapping[str, Any] | None = None,
    part: str | None = None,
    allow_missing: Sequence[str] = (),
) -> Pretrained:
    """Loads a network with pretrained weights, without PyTorch.

        model, variables = jaxseg.load_pretrained("deeplabv3_resnet50_coco.pth")
        backbone, variables = jaxseg.load_pretrained("timm/resnet50.a1_in1k")

    Args:
      source: A checkpoint of torchvision, timm, segmentation_models.pytorch,
        MMSegmentation or transformers (.pth, .pt, .bin, .ckpt, .safetensors, .npz), an
        address "hf://org/name/file", a run directory, or a name that `jaxseg models
        --pretrained` lists. The file of such a name is downloaded at its first use.
      num_classes: The number of classes. By default it is read from the source.
      in_channels: The number of channels of the images. By default it is read from the
        source. For any other number, the first convolution is adapted in the same way
        as in segmentation_models.pytorch.
      model: The name of the network or family, as in `jaxseg.create_model`. By default
        it is inferred from the source. A family has the backbone `backbone`, or by
        default that of the published weights.
      backbone: The name of the backbone of a family, such as "efficientnet_lite0".
      model_options: Options of the network, such as {"output_stride": 16}.
      part: Loads only this part of the source, such as "backbone". The rest of the
        network is initialized at random.
      allow_missing: Patterns of parameters that may be initialized at random, such as
        "classifier/*" for a classifier with another number of classes.

    Returns:
      The pair (network, variables): a Flax module, and its parameters and normalization
      statistics.

    Raises:
      FileNotFoundError: If the source is neither an existing path nor a known name.
      ValueError: If the file cannot be read safely, its network is not known, the
        weights do not fit, or a download fails. The message names the tensors or the
        address, and the remedy.
    """
    entry = None if os.path.exists(source) else table.find(source)
    if entry is not None and entry.backbone and not model:
        options = {**entry.options, **(model_options or {})}
        return _backbone(entry, options, in_channels or 3, tuple(allow_missing))
    options = {"model": {"options": dict(model_options or {})}}
    wanted = Wanted(
        model,
        backbone=backbone,
        options=options,
        num_classes=num_classes,
        channels=in_channels,
        part=part,
    )
    return _network(os.fspath(source), wanted, tuple(allow_missing))


def _network(source: str, wanted: Wanted, allow_missing: tuple[str, ...]) -> Pretrained:
    """Loads a whole network."""
    try:
        found = convert(source, wanted, Taking(allow_missing=allow_missing))
    except Refused as error:
        raise ValueError(str(error)) from error
    network = found.network
    built = build_model(network.config, network.num_classes)
    return Pretrained(built, run_variables(found))


def _backbone(
    entry: Entry,
    options: Mapping[str, Any],
    channels: int,
    allow_missing: tuple[str, ...],
) -> Pretrained:
    """Loads published weights of an image classifier as a backbone without a head."""
    record = BACKBONES[entry.backbone]
    with naming_options(
        entry.backbone, record.factory, options, within="model_options"
    ):
        backbone = record.create(**options)
    try:
        variables = load(
            files.local(entry.name),
            backbone,
            channels=channels,
            allow_missing=allow_missing,
        )
    except Refused as error:
        raise ValueError(str(error)) from error
    return Pretrained(backbone, variables)
