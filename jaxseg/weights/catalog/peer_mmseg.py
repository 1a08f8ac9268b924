"""Networks of an installed MMSegmentation, built from its own configuration files.

The configuration inside a checkpoint is never evaluated: that would execute what its
author wrote. The files of the installed package are, with the fields that a row of
``SOURCES`` names put in their place.
"""

import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

PREFIX = "mmseg.configs:"  # of ``Network.factory``; a path without ".py" follows
_LEFT_OUT = ("pretrained", "init_cfg", "data_preprocessor", "loss_decode", "sampler")


def config(name: str) -> str:
    """``Network.factory`` of a configuration file, by default one of the bases."""
    return PREFIX + ("" if "/" in name else "_base_/models/") + name


def build(
    name: str, fields: Mapping[str, Any], options: Mapping[str, Any], num_classes: int
):
    """The network of ``configs/<name>.py``, with new random weights.

    Args:
        fields: values by path, as ("backbone.depth", 101).
        options: of our network: its output stride and multi-grid count there too.
        num_classes: of all heads.

    Raises:
        ImportError: the library is not installed, or cannot be imported.
    """
    mmseg = importlib.import_module("mmseg")
    models = importlib.import_module("mmseg.registry").MODELS
    read = importlib.import_module("mmengine.config").Config.fromfile
    importlib.import_module("mmengine.registry").init_default_scope("mmseg")
    importlib.import_module("mmseg.models")
    root = pathlib.Path(mmseg.__file__).parent / ".mim" / "configs"
    fitted = _plain(read(root / f"{name}.py").model.to_dict())
    for path, value in {**_strides(fitted, options), **fields}.items():
        _set(fitted, path.split("."), value)
    for head in ("decode_head", "auxiliary_head"):
        parts = fitted.get(head) or []
        for part in parts if isinstance(parts, list) else [parts]:
            part["num_classes"] = num_classes
    return models.build(fitted)


def logits(net: Any, image: Any) -> Any:
    """[B, K, H, W] at the image's size, as ``predict`` has them before the argmax."""
    return net.encode_decode(image, [{"img_shape": tuple(image.shape[2:])}])


def _plain(node: Any) -> Any:
    """Ordinary batch norm, and nothing to fetch or to train with."""
    if isinstance(node, dict):
        node = {k: _plain(v) for k, v in node.items() if k not in _LEFT_OUT}
        return node | ({"type": "BN"} if node.get("type") == "SyncBN" else {})
    return type(node)(map(_plain, node)) if isinstance(node, list | tuple) else node


def _strides(fitted: Mapping, options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that give a dilated ResNet our ``output_stride`` and ``multi_grid``."""
    stride = options.get("output_stride")
    if stride is None:
        return {}
    rate = 32 // stride
    trunk = {
        "backbone.strides": (1, 2, 2 if stride > 8 else 1, 2 if stride > 16 else 1),
        "backbone.dilations": (1, 1, max(1, rate // 2), rate),
    }
    if "multi_grid" in options:
        own = (max(1, rate // 2), rate, rate)
        grid = zip(own, options["multi_grid"], strict=True)
        trunk["backbone.multi_grid"] = tuple(o * g for o, g in grid)
    head = fitted["decode_head"]
    if isinstance(head, dict) and "dilations" in head:
        trunk["decode_head.dilations"] = (1, *(96 * k // stride for k in (1, 2, 3)))
    return trunk


def _set(node: dict, path: list[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        node = node[name]
    node[last] = value
