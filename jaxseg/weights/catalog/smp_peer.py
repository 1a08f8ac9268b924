"""Builds networks with the installed segmentation_models.pytorch."""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork

# The arguments of the library that have the values of options of jaxseg.
_ARGUMENTS = {
    "output_stride": "encoder_output_stride",
    "rates": "decoder_atrous_rates",
    "readout": "decoder_readout",
}
_CHANNELS = {"features": "decoder_channels"}
_OF_FACTORY = {
    "Unet": _CHANNELS,
    "UnetPlusPlus": _CHANNELS,
    "DeepLabV3": _CHANNELS,
    "DeepLabV3Plus": _CHANNELS,
    "UPerNet": _CHANNELS,
    "PSPNet": {"fuse_features": "psp_out_channels"},
    "FPN": {
        "pyramid_features": "decoder_pyramid_channels",
        "features": "decoder_segmentation_channels",
    },
    "Segformer": {"features": "decoder_segmentation_channels"},
    "DPT": {
        "image_size": "img_size",
        "widths": "decoder_intermediate_channels",
        "features": "decoder_fusion_channels",
    },
}
_NORMS = {"none": "identity", "instance": {"type": "instancenorm", "affine": True}}


def build(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    """Returns a network of segmentation_models.pytorch with new random weights.

    Its arguments follow from `options`. Nothing is downloaded. The result is a torch
    module.

    Args:
      network: The description of the network.
      options: The options of the network of jaxseg.
      keys: The tensor names of the checkpoint.
      num_classes: The number of classes.
      channels: The number of image channels.
    """
    module = importlib.import_module("segmentation_models_pytorch")
    arguments = {
        "encoder_weights": None,
        "classes": num_classes,
        **dict(network.peer),
        "in_channels": channels,
        **_arguments(network, options),
    }
    return getattr(module, network.factory)(**arguments)


def _arguments(network: SourceNetwork, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the library that have the effect of these options."""
    names = {k: v for k, v in _ARGUMENTS.items() if k in dict(network.unseen)}
    names |= _OF_FACTORY.get(network.factory, {})
    found = {names[k]: v for k, v in options.items() if k in names}
    if network.factory in ("Unet", "UnetPlusPlus") and "features" in options:
        found["encoder_depth"] = len(options["features"])
    elif options.get("tap") in ("c3", "c4"):
        found["encoder_depth"] = int(options["tap"][1])
    if network.factory == "PSPNet":
        found["upsampling"] = 2 ** found.setdefault("encoder_depth", 5)
    if "attention" in options:
        found["decoder_attention_type"] = options["attention"]
    if options.get("decoder_norm") in _NORMS:
        found["decoder_use_norm"] = _NORMS[options["decoder_norm"]]
    if options.get("presence"):
        found["aux_params"] = {
            "classes": options["presence"],
            "pooling": options.get("presence_pool", "avg"),
        }
    return found


def _logits(net: Any, image: Any) -> Any:
    """Runs a network; with a head that classifies images, it returns a pair."""
    result = net(image)
    return result[0] if isinstance(result, tuple) else result


PEER = Peer("segmentation_models_pytorch", build, _logits)


def network_row(name: str, **fields: Any) -> Source:
    """Returns a `Source`, which describes a kind of checkpoint.

    The checkpoints are those of segmentation_models.pytorch.

    Args:
      name: A readable name.
      **fields: Further attributes of `Source`, such as `rules`, `has` and `networks`.
    """
    return Source(name, library="segmentation_models_pytorch", peer=PEER, **fields)
