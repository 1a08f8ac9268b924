"""What segmentation_models.pytorch's config.json tells about a network.

`model.save_pretrained(folder)` writes it beside the weights: the class of the network
and the arguments that it was built with.
"""

from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.sources import Network

_OPTIONS = {"encoder_output_stride": "output_stride", "decoder_atrous_rates": "rates"}


def is_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is one of segmentation_models.pytorch."""
    return isinstance(config.get("_model_class"), str) and "encoder_name" in config


def stated_options(config: Mapping[str, Any], network: Network) -> dict[str, object]:
    """The options of the network here that a config.json states.

    Args:
      config: The content of the file.
      network: The row whose `unseen` options may be set.

    Raises:
      ValueError: The network was built with something that is not supported.
    """
    if not is_config(config):
        return {}
    interpolation = config.get("decoder_interpolation", "nearest")
    if interpolation != "nearest":
        raise ValueError(
            f"config.json beside the weights has decoder_interpolation="
            f"{interpolation!r}, but {network.name} here computes 'nearest' only"
        )
    usual = {**dict(network.options), **dict(network.unseen)}
    options = {}
    for field, option in _OPTIONS.items():
        value = config.get(field)
        value = tuple(value) if isinstance(value, list) else value
        if value is None or option not in dict(network.unseen):
            continue
        if value != usual[option]:
            options[option] = value
    return options
