"""Networks of an installed MMSegmentation, built from its own configuration files.

The configuration inside a checkpoint is never evaluated: that would execute what its
author wrote. The files of the installed package are, with the fields that a row of
`SOURCES` names put in their place.
"""

import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

PREFIX = "mmseg.configs:"  # of ``Network.factory``; a path without ".py" follows
_LEFT_OUT = ("pretrained", "init_cfg", "data_preprocessor", "loss_decode", "sampler")


def config(name: str) -> str:
    """`Network.factory` of a configuration file, by default one of the bases."""
    return PREFIX + ("" if "/" in name else "_base_/models/") + name


def build(
    name: str, fields: Mapping[str, Any], options: Mapping[str, Any], num_classes: int
):
    """The network of `configs/<name>.py`, with new random weights.

    Args:
      fields: Values by path, as ("backbone.depth", 101).
      options: Of our network: its output stride and multi-grid count there too.
      num_classes: Of all heads.

    Raises:
      ImportError: The library is not installed, or cannot be imported.
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
    """[B, K, H, W] at the image's size, as `predict` has them before the argmax."""
    return net.encode_decode(image, [{"img_shape": tuple(image.shape[2:])}])


def _plain(node: Any) -> Any:
    """Ordinary batch norm, and nothing to fetch or to train with."""
    if isinstance(node, dict):
        node = {k: _plain(v) for k, v in node.items() if k not in _LEFT_OUT}
        return node | ({"type": "BN"} if node.get("type") == "SyncBN" else {})
    return type(node)(map(_plain, node)) if isinstance(node, list | tuple) else node


def _strides(fitted: Mapping, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that give a dilated ResNet our `output_stride` and its rates."""
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
    """Fields of the heads that correspond to options of our network."""
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
