"""Reads options of a network from the config.json of segmentation_models.pytorch.

`model.save_pretrained(folder)` writes this file to the folder of the weights. It
contains the class of the network and the arguments of its constructor. Arguments that
change the shapes of the tensors are inferred from the tensors, not from this file.
"""

from collections.abc import Mapping
from typing import Any

from jaxseg.text import printable
from jaxseg.weights.catalog.sources import SourceNetwork

_OPTIONS = {
    "encoder_output_stride": "output_stride",
    "decoder_atrous_rates": "rates",
    "decoder_readout": "readout",
    "decoder_aspp_dropout": "dropout",
    "psp_dropout": "dropout",
    "decoder_dropout": "dropout",
}
# Arguments that change only the arithmetic, with the values that jaxseg supports. The
# first one is the default of the library.
_FIXED: dict[str, tuple[Any, ...]] = {
    "decoder_interpolation": ("nearest",),
    "decoder_merge_policy": ("add",),
    "encoder_output_indices": (None,),
}
_NORMS = ("decoder_use_norm", "decoder_use_batchnorm", "psp_use_batchnorm")
_NORM_TYPES = ("batchnorm", "identity", "instancenorm")
_NORM_FIELDS = ("affine", "momentum", "track_running_stats")  # Seen, or for training.
_POOLS = ("avg", "max")
# The arguments of the networks on encoders of timm, and those of the encoders that do
# not change the arithmetic. The encoders take any other arguments of timm, too.
_ON_TIMM = {
    *("_model_class", "encoder_name", "encoder_depth", "encoder_weights"),
    *("encoder_output_indices", "decoder_readout", "decoder_intermediate_channels"),
    *("decoder_fusion_channels", "decoder_channels", "decoder_attention_type"),
    *("decoder_interpolation", "in_channels", "classes", "activation", "aux_params"),
    *("dynamic_img_size", "strict_img_size", "img_size", "patch_size", *_NORMS),
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
      network: The network. Only options in its attributes `options` and `unseen` can be
        set. `unseen` contains the options that cannot be inferred from the tensors.

    Returns:
      A dictionary from option names of `create_model` to values. It contains the
      options whose values in config.json differ from the usual values, which these
      attributes contain. It is empty if another library wrote the config.json.

    Raises:
      ValueError: If config.json contains an option value that is not supported.
    """
    if not is_config(config):
        return {}
    _check(config, network)
    usual = {**dict(network.options), **dict(network.unseen)}
    options = {}
    for field, option in _OPTIONS.items():
        value = config.get(field)
        value = tuple(value) if isinstance(value, list) else value
        if value is not None and option in usual and value != usual[option]:
            options[option] = value
    stated = _presence(config, network)
    return options | {k: v for k, v in stated.items() if k in usual and v != usual[k]}


def notes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Describes the activations in a config.json, which networks of jaxseg do not have.

    Args:
      config: The content of the file.
    """
    extra = config.get("aux_params")
    found = {
        "activation": config.get("activation"),
        "aux_params.activation": extra.get("activation")
        if isinstance(extra, Mapping)
        else None,
    }
    return tuple(
        f"the outputs are logits, without {name}={_text(value)} of config.json"
        for name, value in found.items()
        if value not in (None, "identity")
    )


def _check(config: Mapping[str, Any], network: SourceNetwork) -> None:
    """Raises ValueError if arithmetic that the tensors do not show is not supported."""
    for name, values in _FIXED.items():
        if config.get(name, values[0]) not in values:
            raise _invalid(
                name, config[name], f"{values[0]!r}, the only value", network
            )
    for name in _NORMS:
        if name in config and not _is_norm(config[name]):
            kinds = "'batchnorm', 'identity' or 'instancenorm' with its default epsilon"
            raise _invalid(name, config[name], f"{kinds}, the only values", network)
    factor = _upsampling(config, network)
    if config.get("upsampling", factor) not in (None, factor):
        what = f"{factor}, with which the logits have the size of the image, the only"
        raise _invalid("upsampling", config["upsampling"], f"{what} value", network)
    if str(config["encoder_name"]).startswith("tu-"):
        for name in sorted(config.keys() - _ON_TIMM):
            what = "only img_size and dynamic_img_size, the arguments of encoders"
            raise _invalid(printable(name), config[name], what, network)


def _is_norm(value: Any) -> bool:
    """Returns whether the tensors show everything about a value of use_norm."""
    if isinstance(value, bool):
        return True
    if isinstance(value, Mapping):
        rest = {k: v for k, v in value.items() if k not in ("type", *_NORM_FIELDS)}
        kind = value.get("type")
        return kind in _NORM_TYPES and rest in ({}, {"eps": 1e-5})
    return isinstance(value, str) and value.lower() in _NORM_TYPES


def _upsampling(config: Mapping[str, Any], network: SourceNetwork) -> int:
    """Returns the factor with which the logits have the size of the image."""
    depth = config.get("encoder_depth")
    if network.factory == "PSPNet":
        return 2 ** (depth if depth in (3, 4, 5) else 3)
    if network.factory == "DeepLabV3":
        stride = config.get("encoder_output_stride")
        return 8 if depth == 3 else stride if stride in (8, 16) else 8
    return 4


def _presence(config: Mapping[str, Any], network: SourceNetwork) -> dict[str, object]:
    """Returns the options of the head that classifies whole images.

    They are stated only if the checkpoint has such a head.

    Raises:
      ValueError: If the pooling is unknown.
    """
    extra = config.get("aux_params")
    if not isinstance(extra, Mapping):
        return {}
    pool = extra.get("pooling", _POOLS[0])
    if pool not in _POOLS:
        raise _invalid(
            "aux_params.pooling", pool, "'avg' or 'max', the values", network
        )
    return {"presence_pool": pool, "presence_dropout": extra.get("dropout", 0.2) or 0.0}


def _invalid(name: str, value: Any, what: str, network: SourceNetwork) -> ValueError:
    """Returns the error for a value that is not supported."""
    return ValueError(
        f"The config.json of the weights has {name}={_text(value)}: expected {what} "
        f"that {network.name} supports."
    )


def _text(value: Any) -> str:
    return printable(repr(value), limit=60)
