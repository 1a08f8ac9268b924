"""Collects the weights of torchvision from its enumerations of weights."""

import re
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.published.entry import Entry
from jaxseg.weights.translate.model_card import LICENSES

BACKBONES = {
    **{f"resnet{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"vgg{d}{norm}": f"vgg{d}{norm}" for d in (16, 19) for norm in ("", "_bn")},
    **{f"densenet{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)},
    **{"alexnet": "alexnet", "googlenet": "googlenet", "mobilenet_v2": "mobilenetv2"},
    **{f"mobilenet_v3_{size}": f"mobilenetv3_{size}" for size in ("large", "small")},
    **{
        f"convnext_{size}": f"convnext_{size[0]}"
        for size in ("tiny", "small", "base", "large")
    },
    **{f"swin_{size}": f"swin_{size}" for size in "tsb"},
    **{f"efficientnet_b{size}": f"efficientnet_b{size}" for size in range(8)},
    **{f"vit_{size}_16": f"vit{size}16" for size in "bl"},
}
NETWORKS = ("fcn_resnet", "deeplabv3_", "lraspp_")
_DENSE = re.compile(r"(.*denselayer\d+\.(?:norm|conv))([12]\..*)")


def rows() -> Iterator[Published]:
    """Yields the classifiers and the segmentation networks."""
    library = pytorch.torchvision()
    for arch in library.models.list_models():
        if arch in BACKBONES or arch.startswith(NETWORKS):
            for weights in library.models.get_model_weights(arch):
                if weights.name != "IMAGENET1K_FEATURES":  # SSD's own first layers
                    yield _row(library, arch, weights)


def _options(arch: str, size: int) -> dict[str, Any]:
    """Returns the options of the backbone that equals a classifier of torchvision.

    Args:
      arch: The name of the classifier.
      size: The height and width of its images.
    """
    if arch.startswith("swin_"):
        return {"shift_always": False}
    if arch.startswith("efficientnet_"):
        early = arch[-1] in "01234"
        return {"padding": "symmetric"} | ({"epsilon": 1e-5} if early else {})
    if arch.startswith("vit_"):  # The position embedding has this size.
        return {"image_size": (size, size)}
    return {}


def _row(library: ModuleType, arch: str, weights: Any) -> Published:
    transforms, meta = weights.transforms(), weights.meta
    (data, scores), *_ = meta["_metrics"].items()
    segments = arch.startswith(NETWORKS)
    size = 0 if segments else transforms.crop_size[0]
    version = library.__version__.partition("+")[0]
    entry = Entry(
        f"torchvision/{arch}.{weights.name.lower()}",
        library="torchvision",
        url=weights.url,
        backbone=BACKBONES.get(arch, ""),
        options=_options(arch, size),
        license=LICENSES["torchvision"],
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        num_classes=len(meta["categories"]),
        classes=tuple(meta["categories"]) if segments else (),
        data="COCO train2017, 21 classes of VOC" if segments else "ImageNet-1K",
        score=scores["miou" if segments else "acc@1"],
        metric=f"{'mIoU' if segments else 'top-1 accuracy'} on {data}",
        score_source=f"torchvision {version}, meta of the weights",
        sha256=re.search(r"-([0-9a-f]{8})\.pth$", weights.url)[1],
    )
    arguments = {"weights": None}
    if segments:
        arguments |= {"weights_backbone": None, "num_classes": entry.num_classes}
        arguments |= {} if arch.startswith("lraspp") else {"aux_loss": True}
    if arch.startswith("vit_"):
        arguments["image_size"] = size
    if arch == "googlenet":  # The file contains the auxiliary classifiers.
        arguments |= {"aux_logits": True, "init_weights": False}
    build = partial(library.models.get_model, arch, **arguments)
    dotted = arch.startswith("densenet")  # The files have names of an older version.
    return Published(entry, build, rename=_dotted if dotted else str)


def _dotted(key: str) -> str:
    """Returns the older name of a tensor, such as `denselayer1.norm.1.weight`."""
    return _DENSE.sub(r"\1.\2", key)
