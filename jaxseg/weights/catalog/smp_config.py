"""Reads options of a network from the config.json of segmentation_models.pytorch.

`model.save_pretrained(folder)` writes this file to the folder of the weights. It
contains the class of the network and the arguments of its constructor.
"""

from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.sources import SourceNetwork

_OPTIONS = {
    "encoder_output_stride": "output_stride",
    "decoder_atrous_rates": "rates",
    "decoder_readout": "readout",
}


def is_config(config: Mapping[str, Any]) -> bool:
    """Returns whether segmentation_models.pytorch wrote the given config.json.

    Args:
      config: The content of the file.
    """
    return isinstance(config.get("_model_class"), str) and "encoder_name" in config


def stated_options(
    config: Mapping[str, Any], network: SourceNetwork
) -> dict[str, object]:
    """Returns the network options in a config.json of segmentation_models.pytorch.

    Args:
      config: The content of the file.
      network: The network. Its attribute `unseen` contains the options that cannot be
        inferred from the tensors. Only these options can be set.

    Returns:
      A dictionary from option names of `create_model` to values. It contains the
      options whose values in config.json differ from the usual values, which
      `network.unseen` contains. It is empty if another library wrote the config.json.

    Raises:
      ValueError: If config.json contains an option value that is not supported.
    """
    if not is_config(config):
        return {}
    interpolation = config.get("decoder_interpolation", "nearest")
    if interpolation != "nearest":
        raise ValueError(
            f"The config.json of the weights has decoder_interpolation="
            f"{interpolation!r}: expected 'nearest', the only value that "
            f"{network.name} supports."
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
