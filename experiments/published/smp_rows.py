"""Collects the encoder weights of segmentation_models.pytorch from its settings.

The settings state the repository and the commit of each file. They state neither the
license nor the score. The means and deviations are those of version 0.4.0, the last one
whose settings contain them: for the encoders below, they are ImageNet's.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.published.entry import Entry

ENCODERS = (
    (r"resnet(18|34|50|101|152)", r"resnet\1"),
    (r"vgg(16|19)(|_bn)", r"vgg\1\2"),
    (r"mobilenet_v2", "mobilenetv2"),
    (r"(mit_b[0-5])", r"\1"),
    (r"densenet(121|161|169|201)", r"densenet\1"),
    (r"efficientnet-(b[0-7])", r"efficientnet_\1"),
    (r"timm-efficientnet-(b[0-7])", r"efficientnet_\1"),
    (r"timm-tf_efficientnet_(lite[0-4])", r"efficientnet_\1"),
)
# Sides of the images that the EfficientNets of this library are padded for.
_SIDES = {
    f"efficientnet-b{size}": side
    for size, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
}
DATA = {
    "imagenet": "ImageNet-1K",
    "advprop": "ImageNet-1K (adversarial examples)",
    "noisy-student": "JFT-300M without labels and ImageNet-1K (noisy student)",
    "ssl": "YFCC-100M without labels, then ImageNet-1K (semi-supervised)",
    "swsl": "Instagram hashtags, then ImageNet-1K (semi-weakly supervised)",
}


def rows() -> Iterator[Published]:
    """Yields the encoders whose architecture is a backbone of jaxseg."""
    library = pytorch.smp()
    for arch, settings in library.encoders.encoders.items():
        for pattern, target in ENCODERS:
            match = re.fullmatch(pattern, arch)
            for tag, place in settings["pretrained_settings"].items() if match else ():
                repository, revision = place["repo_id"], place["revision"]
                half = _is_half(arch, tag)
                means = {"mean": (0.5,) * 3, "std": (0.5,) * 3} if half else {}
                entry = Entry(
                    repository,
                    library="segmentation_models_pytorch",
                    url=f"hf://{repository}@{revision}/model.safetensors",
                    backbone=match.expand(target),
                    options=_options(arch),
                    license="segmentation_models.pytorch does not state it; the card "
                    "of the repository may",
                    data=DATA[tag],
                    **means,
                )
                build = partial(library.encoders.get_encoder, arch, weights=None)
                yield Published(entry, build, model=arch)


def _is_half(arch: str, tag: str) -> bool:
    """Returns whether an encoder takes images with values on [-1, 1].

    AdvProp and EfficientNet-Lite were trained with such images.
    """
    return tag == "advprop" or "_lite" in arch


def _options(arch: str) -> dict[str, Any]:
    """Returns the options of the backbone that equals an encoder.

    The library builds the weights of timm's `tf_efficientnet_*` with the padding and
    the epsilon of timm's other networks.
    """
    if arch in _SIDES:
        return {"padding": _SIDES[arch]}
    if arch.startswith("timm-"):
        return {"padding": "symmetric", "epsilon": 1e-5}
    return {}
