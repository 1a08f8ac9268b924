"""Builds networks with the installed MMSegmentation from its own configuration files.

The configuration in a checkpoint is never executed, because that would run code of an
unknown author. The configuration files of the installed package are executed, and the
`peer` values of a `SourceNetwork` replace fields of these files.
"""

import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork

_LEFT_OUT = ("pretrained", "init_cfg", "data_preprocessor", "loss_decode", "sampler")


def config(name: str) -> str:
    """Returns the path of an MMSegmentation configuration file, relative to `configs`.

    Args:
      name: This path itself, or the name of a file in `_base_/models`.
    """
    return name if "/" in name else f"_base_/models/{name}"


def build_row(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    """Builds MMSegmentation's version of a network, to compare logits with jaxseg's.

    The result is a torch module with random weights.

    Args:
      network: The description of the network.
      options: The options of the network of jaxseg.
      keys: The tensor names of the checkpoint, which are not used.
      num_classes: The number of classes.
      channels: The number of image channels.
    """
    fields = {**dict(network.peer), "backbone.in_channels": channels}
    return build(
        network.factory, fields=fields, options=options, num_classes=num_classes
    )


def build(
    name: str, fields: Mapping[str, Any], options: Mapping[str, Any], num_classes: int
):
    """Builds the network of MMSegmentation's `configs/<name>.py` with random weights.

    The result is a torch module.

    Args:
      name: The path of the configuration file without suffix.
      fields: Values that replace fields of the configuration file, by the path of the
        field, such as {"backbone.depth": 101}.
      options: The options of the network of jaxseg. Its output stride, rates and
        multi-grid apply to the built network, too.
      num_classes: The number of classes of all heads.

    Raises:
      ImportError: If MMSegmentation is not installed, or cannot be imported.
    """
    mmseg = importlib.import_module("mmseg")
    models = importlib.import_module("mmseg.registry").MODELS
    read = importlib.import_module("mmengine.config").Config.fromfile
    importlib.import_module("mmengine.registry").init_default_scope("mmseg")
    importlib.import_module("mmseg.models")
    root = pathlib.Path(mmseg.__file__).parent / ".mim" / "configs"
    fitted = _plain(read(root / f"{name}.py").model.to_dict())
    stated = {**_strides(fitted, options), **_head_fields(fitted, options)}
    for path, value in {**stated, **fields}.items():
        _set(fitted, path.split("."), value)
    for head in ("decode_head", "auxiliary_head"):
        parts = fitted.get(head) or []
        for part in parts if isinstance(parts, list) else [parts]:
            part["num_classes"] = num_classes
    return models.build(fitted)


def logits(net: Any, image: Any) -> Any:
    """Returns the logits of a network of MMSegmentation, at the size of the image.

    Args:
      net: A network that `build` returned.
      image: A tensor [B, C, H, W].

    Returns:
      A tensor [B, K, H, W].
    """
    return net.encode_decode(image, [{"img_shape": tuple(image.shape[2:])}])


def _plain(node: Any) -> Any:
    """Replaces synchronized batch norm, and removes entries for loading and
    training.
    """
    if isinstance(node, dict):
        node = {k: _plain(v) for k, v in node.items() if k not in _LEFT_OUT}
        return node | ({"type": "BN"} if node.get("type") == "SyncBN" else {})
    return type(node)(map(_plain, node)) if isinstance(node, list | tuple) else node


def _strides(fitted: Mapping, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields that give a dilated ResNet our output stride and rates."""
    stride = options.get("output_stride")
    if stride is None:
        return {}
    rate, eager = 32 // stride, bool(options.get("eager_rate"))
    plain = (1, 1, max(1, rate // 2), rate)
    trunk = {
        "backbone.strides": (1, 2, 2 if stride > 8 else 1, 2 if stride > 16 else 1),
        "backbone.dilations": options.get("stage_rates") or plain,
        "backbone.contract_dilation": not eager,
    }
    if "multi_grid" in options:
        own = (rate if eager else max(1, rate // 2), rate, rate)
        grid = zip(own, options["multi_grid"], strict=True)
        trunk["backbone.multi_grid"] = tuple(o * g for o, g in grid)
    if "stride_in" in options:
        caffe = options["stride_in"] == "conv1"
        trunk["backbone.style"] = "caffe" if caffe else "pytorch"
    head = fitted["decode_head"]
    if isinstance(head, dict) and "dilations" in head:
        rates = options.get("rates") or tuple(96 * k // stride for k in (1, 2, 3))
        trunk["decode_head.dilations"] = (1, *rates)
    return trunk


_HEAD_FIELDS = {"bins": "pool_scales", "head_rate": "dilation", "mode": "mode"}


def _head_fields(fitted: Mapping, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields of the heads that correspond to options of our network."""
    fields = {
        f"decode_head.{field}": options[option]
        for option, field in _HEAD_FIELDS.items()
        if option in options
    }
    for head in ("decode_head", "auxiliary_head"):
        if "align_corners" in options and isinstance(fitted.get(head), dict):
            fields[f"{head}.align_corners"] = options["align_corners"]
    if "head_rate" in options:
        fields["auxiliary_head.dilation"] = options["head_rate"]
    return fields


def _set(node: dict, path: list[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        node = node[name]
    node[last] = value


PEER = Peer("mmseg.models", build_row, forward=logits)


def network_row(name: str, **fields: Any) -> Source:
    """Returns a `Source`, the description of a kind of MMSegmentation checkpoint.

    The checkpoints contain a whole network.

    Args:
      name: A readable name.
      **fields: Further attributes of `Source`, such as `rules`, `has` and `networks`.
    """
    return Source(name, **{"library": "mmsegmentation", "peer": PEER, **fields})
