"""Builds networks with the installed segmentation_models.pytorch."""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork

_ARGUMENTS = {
    "output_stride": "encoder_output_stride",
    "rates": "decoder_atrous_rates",
    "readout": "decoder_readout",
}


def build(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    """Returns a network of segmentation_models.pytorch with new random weights.

    Options that cannot be inferred from the tensors are taken from `options`. Nothing
    is downloaded. The result is a torch module.

    Args:
      network: The description of the network.
      options: The options of the network of jaxseg.
      keys: The tensor names of the checkpoint.
      num_classes: The number of classes.
      channels: The number of image channels.
    """
    module = importlib.import_module("segmentation_models_pytorch")
    unseen = dict(network.unseen)
    stated = {k: v for k, v in options.items() if k in _ARGUMENTS and k in unseen}
    arguments = {
        "encoder_weights": None,
        "classes": num_classes,
        **dict(network.peer),
        "in_channels": channels,
        **{_ARGUMENTS[name]: value for name, value in stated.items()},
    }
    if network.factory == "DPT" and "image_size" in options:
        arguments["img_size"] = options["image_size"]
    return getattr(module, network.factory)(**arguments)


PEER = Peer("segmentation_models_pytorch", build)


def network_row(name: str, **fields: Any) -> Source:
    """Returns a `Source`, which describes a kind of checkpoint.

    The checkpoints are those of segmentation_models.pytorch.

    Args:
      name: A readable name.
      **fields: Further attributes of `Source`, such as `rules`, `has` and `networks`.
    """
    return Source(name, library="segmentation_models_pytorch", peer=PEER, **fields)
