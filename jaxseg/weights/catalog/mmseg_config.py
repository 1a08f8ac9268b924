"""Reads options of a network from the configuration in an MMSegmentation checkpoint.

Strides, atrous rates, the multi-grid and `align_corners` cannot be inferred from the
tensors. The text of the configuration states them. It is stored as `meta.cfg`, and
before version 1.0 of MMSegmentation as `meta.config`.
"""

import math
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.config_text import field, read
from jaxseg.weights.catalog.sources import SourceNetwork
from jaxseg.weights.translate.model_card import Normalization

_USUAL = {  # Values of networks without the option.
    "output_stride": 8,
    "stage_rates": None,
    "eager_rate": False,
    "stride_in": "conv2",
    "multi_grid": (1, 1, 1),
    "align_corners": False,
    "bins": (1, 2, 3, 6),
    "jpu_rates": (1, 2, 4, 8),
    "head_rate": 1,
    "mode": "embedded_gaussian",
    "use_scale": True,
}


def text_of(beside: Mapping[str, Any]) -> str:
    """Returns the configuration text in an MMSegmentation checkpoint, or "".

    Args:
      beside: The entries of the checkpoint file other than the state dict.
    """
    meta = beside.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    text = meta.get("cfg", meta.get("config"))
    return text if isinstance(text, str) else ""


def model_of(beside: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the field `model` of an MMSegmentation checkpoint's configuration, or {}.

    Args:
      beside: The entries of the checkpoint file other than the state dict.
    """
    model = read(text_of(beside)).get("model")
    return model if isinstance(model, dict) else {}


def stated_options(
    beside: Mapping[str, Any], network: SourceNetwork
) -> dict[str, object]:
    """Returns the options that an MMSegmentation checkpoint sets to unusual values.

    They are read from the configuration in the checkpoint. Only options that cannot be
    inferred from the tensors are considered. `network.unseen` lists these options with
    the values that are usual in MMSegmentation.

    Args:
      beside: The entries of the checkpoint file other than the state dict.
      network: The network. Only the options in its attribute `unseen` can be set.

    Returns:
      A dictionary from name to value of these options of `create_model`. It is empty if
      there is no readable configuration.

    Raises:
      ValueError: If the configuration has a setting that the network of jaxseg does not
        support.
    """
    stated = _stated(model_of(beside))
    usual = {**_USUAL, **dict(network.options), **dict(network.unseen)}
    if usual.get("rates", ()) is None:
        span = 96 // int(stated.get("output_stride", 8))
        usual["rates"] = tuple(span * k for k in (1, 2, 3))
    options = {}
    for name, value in stated.items():
        if name in usual and value == usual[name]:
            continue
        if name not in dict(network.unseen):
            raise ValueError(
                f"The configuration in the checkpoint has {name}={value!r}: expected "
                f"{usual.get(name)!r}, the only value that {network.name} supports."
            )
        options[name] = value
    return options


def stated_normalization(beside: Mapping[str, Any]) -> Normalization | None:
    """Returns the mean and standard deviation that MMSegmentation's preprocessor uses.

    Args:
      beside: The entries of the checkpoint file other than the state dict.

    Returns:
      A `Normalization` with both and the order of the channels, or None if the
      checkpoint does not state them.
    """
    tree = read(text_of(beside))
    found = tree.get("img_norm_cfg") or field(tree, "model.data_preprocessor")
    mean, std = field(found, "mean"), field(found, "std")
    if not (_three_numbers(mean) and _three_numbers(std) and min(std) > 0):
        return None
    order = "RGB" if found.get("bgr_to_rgb", found.get("to_rgb", False)) else "BGR"
    return Normalization(_unit(mean), _unit(std), order=order)


def _stated(model: Mapping[str, Any]) -> dict[str, object]:
    """Returns all options that the configuration states."""
    head = model.get("decode_head")
    head = head[-1] if isinstance(head, tuple) and head else head
    trunk = model.get("backbone")
    if not isinstance(head, Mapping) or not isinstance(trunk, Mapping):
        return {}
    dilated = str(trunk.get("type")).rpartition(".")[2].startswith("ResNet")
    return {
        **(_trunk(trunk) if dilated else {}),
        **_head(head),
        **_neck(model.get("neck"), head),
    }


def _trunk(trunk: Mapping[str, Any]) -> dict[str, object]:
    """Returns output stride and rates of a dilated ResNet."""
    strides = _whole(trunk, "strides", (1, 2, 2, 2))
    rates = _whole(trunk, "dilations", (1, 1, 1, 1))
    contract = bool(trunk.get("contract_dilation", False))
    output_stride = 4 * math.prod(strides)
    lost = 32 // output_stride
    caffe = trunk.get("style", "pytorch") == "caffe" and trunk.get("depth", 50) >= 50
    stated: dict[str, object] = {"stride_in": "conv1" if caffe else "conv2"}
    ordered = strides[0] == 1 and list(strides[1:]) == sorted(strides[1:], reverse=True)
    if ordered and rates == (1, 1, max(1, lost // 2), lost):
        eager = lost > 1 and not contract
        stated |= {"output_stride": output_stride, "eager_rate": eager}
        stated["stage_rates"] = None
        grid = trunk.get("multi_grid")
        if grid:
            grid = _whole(trunk, "multi_grid", ())[:3]
            stated["multi_grid"] = _factors(grid, lost, eager=eager)
        return stated
    if strides == (1, 2, 2, 2) and contract and not trunk.get("multi_grid"):
        return stated | {"output_stride": 32, "stage_rates": rates}
    raise ValueError(
        f"The configuration in the checkpoint has strides={strides} with "
        f"dilations={rates}, which is not supported: expected the dilations to double "
        "at each stage whose stride is 1 instead of 2."
    )


def _factors(grid: tuple[int, ...], lost: int, *, eager: bool) -> tuple[int, ...]:
    """Returns the multi-grid as factors on the rates of the last stage."""
    own = (lost if eager else max(1, lost // 2), lost, lost)
    if len(grid) != 3 or any(rate % base for rate, base in zip(grid, own, strict=True)):
        raise ValueError(
            f"The configuration in the checkpoint has multi_grid={grid}: expected "
            f"three numbers that are multiples of {own[0]}, {own[1]} and {own[2]}, the "
            f"atrous rates of the last stage at output stride {32 // lost}."
        )
    return tuple(rate // base for rate, base in zip(grid, own, strict=True))


def _head(head: Mapping[str, Any]) -> dict[str, object]:
    """Returns options of the decode head."""
    kind = str(head.get("type")).rpartition(".")[2]
    stated: dict[str, object] = {"align_corners": bool(head.get("align_corners"))}
    if "ASPP" in kind:
        first, *rates = _whole(head, "dilations", (1, 6, 12, 18))
        if first != 1:
            raise ValueError(
                f"The configuration in the checkpoint has dilations={(first, *rates)} "
                "in its ASPP head: expected the first dilation to be 1, because the "
                "first branch is a 1x1 convolution."
            )
        stated["rates"] = tuple(rates)
    if kind in ("PSPHead", "UPerHead"):
        stated["bins"] = _whole(head, "pool_scales", (1, 2, 3, 6))
    if kind == "FCNHead":
        stated["head_rate"] = head.get("dilation", 1)
    if kind == "NLHead":
        stated["mode"] = head.get("mode", "embedded_gaussian")
        stated["use_scale"] = bool(head.get("use_scale", True))
    return stated


def _neck(neck: Any, head: Mapping[str, Any]) -> dict[str, object]:
    """Returns options of FastFCN's joint pyramid upsampling."""
    if not isinstance(neck, Mapping) or "dilations" not in neck:
        return {}
    aligned = bool(neck.get("align_corners")), bool(head.get("align_corners"))
    if aligned[0] != aligned[1]:
        raise ValueError(
            f"The configuration in the checkpoint has align_corners={aligned[0]} in "
            f"the neck and {aligned[1]} in the head: expected equal values."
        )
    return {"jpu_rates": _whole(neck, "dilations", (1, 2, 4, 8))}


def _whole(node: Mapping[str, Any], name: str, default: tuple) -> tuple[int, ...]:
    """Returns a field that contains positive integers.

    Raises:
      ValueError: If it contains something else.
    """
    value = node.get(name, default)
    if not isinstance(value, tuple) or not all(
        type(item) is int and 0 < item < 1000 for item in value
    ):
        raise ValueError(
            f"The configuration in the checkpoint has {name}={value!r}: expected a "
            "sequence of positive integers."
        )
    return value


def _three_numbers(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and all(type(item) in (int, float) and math.isfinite(item) for item in value)
    )


def _unit(values: tuple[float, ...]) -> tuple[float, ...]:
    """Converts values from 0..255 to 0..1, rounded to six digits."""
    return tuple(round(value / 255, 6) for value in values)
