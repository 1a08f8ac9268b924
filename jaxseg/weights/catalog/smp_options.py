"""Lists decoder options of segmentation_models.pytorch, and reads them from tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np

# The options of the ASPP and of `DeepLabV3Plus`, for the networks of jaxseg.
ASPP = (("rates", (12, 24, 36)), ("align_corners", True))
PLUS = (
    *ASPP,
    ("separable", "plain"),
    ("after_aspp", True),
    ("fuse", 1),
    ("dropout", 0.5),
)
PLUS_UNSEEN = (("output_stride", 16), ("rates", (12, 24, 36)))
NEAREST = "decoder_interpolation='nearest', the only one that is supported"
_FEATURES = (256, 128, 64, 32, 16)  # The library's default.
_ASPP_KEYS = ("decoder.aspp.convs.0.0.weight", "decoder.aspp.0.convs.0.0.weight")
RESNET_STAGES = tuple(f"encoder.layer{n}.0.downsample.0.weight" for n in (2, 3))
_PRESENCE = "classification_head.3.bias"
# The options of a head that classifies whole images, which its tensors do not show.
PRESENCE_UNSEEN = ((_PRESENCE, (("presence_pool", "avg"), ("presence_dropout", 0.2))),)


def unet_options(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Infers the options of a `Unet` or `UnetPlusPlus` from its tensors.

    The result is a dictionary from the name of an option to its value.

    Args:
      state: The tensors by name.
    """
    nested = "decoder.blocks.x_0_0.conv2.0.weight" in state
    blocks = "decoder.blocks.x_0_" if nested else "decoder.blocks."
    first, features = f"{blocks}0", _widths(state, blocks)
    options = presence_options(state)
    if features != _FEATURES:
        options["features"] = features
    if f"{first}.attention1.attention.cSE.1.weight" in state:
        options["attention"] = "scse"
    return options | _norm_options(state, f"{first}.conv1")


def pspnet_options(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Infers the options of a `PSPNet` from its tensors.

    The result is a dictionary from the name of an option to its value.

    Args:
      state: The tensors by name.
    """
    features, width = state["decoder.psp.blocks.0.pool.1.0.weight"].shape[:2]
    shown = {
        "tap": _tap(state, width, RESNET_STAGES),
        "features": features,
        "fuse_features": len(state["decoder.conv.0.weight"]),
    }
    return shown | presence_options(state) | _norm_options(state, "decoder.conv")


def aspp_options(
    state: Mapping[str, np.ndarray], stages: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Infers the options of a `DeepLabV3` or `DeepLabV3Plus` from its tensors.

    The result is a dictionary from the name of an option to its value.

    Args:
      state: The tensors by name.
      stages: The names of convolutions whose outputs have as many channels as c3 and
        c4. The ASPP can read these levels instead of c5 if they are given.
    """
    first = next(state[key] for key in _ASPP_KEYS if key in state)
    features, width = first.shape[:2]
    options = presence_options(state) if _ASPP_KEYS[1] in state else {}
    if features != 256:
        options["features"] = features
    tap = _tap(state, width, stages)
    return options if tap == "c5" else {**options, "tap": tap}


def fpn_options(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Infers the numbers of channels of an `FPN` from its tensors.

    Args:
      state: The tensors by name.
    """
    return {
        "pyramid_features": len(state["decoder.p5.weight"]),
        "features": len(state["decoder.seg_blocks.0.block.0.block.0.weight"]),
    }


def width_option(key: str, state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns {"features": N}, where N is the number of channels of a decoder.

    Args:
      key: The name of a convolution of the decoder.
      state: The tensors by name.
    """
    return {"features": len(state[key])}


def dpt_options(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the options of a `DPT` that follow from its tensors.

    The result is a dictionary with "image_size" (height, width), "widths" and
    "features".

    Args:
      state: The tensors by name.
    """
    part = "decoder.reassemble_blocks.{}.project_to_{}.weight"
    patch = state["encoder.model.patch_embed.proj.weight"]
    patches = state["encoder.model.pos_embed"].shape[1] - 1
    side = round(patches**0.5) * patch.shape[-1]
    return {
        "image_size": (side, side),
        "widths": tuple(len(state[part.format(i, "out_channel")]) for i in range(4)),
        "features": len(state[part.format(0, "feature_dim")]),
    }


def presence_options(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the option `presence` of a network that also classifies whole images.

    The result is {"presence": N}, where N is the number of classes of the head that
    classifies whole images. It is {} if the network has no such head.

    Args:
      state: The tensors by name.
    """
    return {"presence": len(state[_PRESENCE])} if _PRESENCE in state else {}


def _tap(state: Mapping[str, np.ndarray], width: int, stages: tuple[str, ...]) -> str:
    """Returns the level with this number of channels, "c3", "c4" or by default "c5"."""
    levels = zip(("c3", "c4"), stages, strict=False)
    found = (n for n, key in levels if key in state and len(state[key]) == width)
    return next(found, "c5")


def _widths(state: Mapping[str, np.ndarray], blocks: str) -> tuple[int, ...]:
    """Returns the number of channels of each level of a decoder."""
    names = (f"{blocks}{level}.conv2.0.weight" for level in range(5))
    return tuple(len(state[name]) for name in names if name in state)


def _norm_options(state: Mapping[str, np.ndarray], conv: str) -> dict[str, Any]:
    """Returns the normalization after a convolution, unless it is batch norm."""
    if f"{conv}.1.running_mean" in state:
        return {}
    return {"decoder_norm": "instance" if f"{conv}.1.weight" in state else "none"}
