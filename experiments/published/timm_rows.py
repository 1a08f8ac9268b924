"""Collects the weights of timm from its pretrained configurations."""

import csv
import pathlib
import re
from collections.abc import Container, Iterator, Mapping
from functools import partial
from typing import Any

from experiments.published.rows import Published
from jaxseg.bench import pytorch
from jaxseg.weights.published.entry import Entry

_TF = {"epsilon": 1e-3, "same_padding": True}
_TIMM = {"epsilon": 1e-5, "padding": "symmetric"}
_SWIN = {"shift_always": False}
# timm resizes the position embedding of a ViT with antialiasing.
_VIT = {"resizing": "bicubic_antialias"}
_LARGE = {"width": 192, "heads": (6, 12, 24, 48)}  # Swin-L is Swin-B with these.
ARCHITECTURES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (r"resnet(18|34|50|101|152)", r"resnet\1", {}),
    (r"resnet(50|101|152)c", r"resnet\1", {"stem": "c"}),
    (r"resnet(50|101|152)s", r"resnet\1", {"stem": "beta"}),
    (r"resnet(18|34|50|101|152)d", r"resnet\1_timm", {}),
    (r"seresnet(50|101|152)", r"seresnet\1", {}),
    (r"hrnet_(w18|w32|w48)", r"hrnet_\1", {}),
    (r"hrnet_(w18|w48)_ssld", r"hrnet_\1", {}),
    *((rf"hrnet_w{n}", "hrnet_w48", {"width": n}) for n in (30, 40, 44, 64)),
    (r"hrnet_w18_small", "hrnet_small_v1", {}),
    (r"hrnet_w18_small_v2", "hrnet_small_v2", {}),
    (r"xception(41|65|71)", r"xception\1", {}),
    (r"mobilenetv2_100", "mobilenetv2", {}),
    *(
        (f"mobilenetv2_{n:03}", "mobilenetv2", {"width": n / 100})
        for n in (35, 50, 75, 140)
    ),
    (r"mobilenetv3_(large|small)_100", r"mobilenetv3_\1", {}),
    (r"tf_mobilenetv3_(large|small)_100", r"mobilenetv3_\1", _TF),
    *(
        (rf"{tf}mobilenetv3_(large|small)_{n:03}", r"mobilenetv3_\1", {**own, **width})
        for tf, own in (("", {}), ("tf_", _TF))
        for n in (50, 75)
        for width in ({"width": n / 100},)
    ),
    (r"efficientnet_(b[0-7]|lite[0-4])", r"efficientnet_\1", _TIMM),
    (r"tf_efficientnet_(b[0-7]|lite[0-4])", r"efficientnet_\1", {}),
    (r"densenet(121|161|169|201)", r"densenet\1", {}),
    (r"vgg(16|19)(|_bn)", r"vgg\1\2", {}),
    (r"convnext_(t|s|b|l)(?:iny|mall|ase|arge)", r"convnext_\1", {}),
    (r"convnext_large_mlp", "convnext_l", {}),
    (r"convnext_xlarge", "convnext_l", {"channels": (256, 512, 1024, 2048)}),
    (r"swin_(t|s|b)(?:iny|mall|ase)_patch4_window7_224", r"swin_\1", _SWIN),
    (r"swin_base_patch4_window12_384", "swin_b", {**_SWIN, "window": 12}),
    (r"swin_large_patch4_window7_224", "swin_b", {**_SWIN, **_LARGE}),
    (
        r"swin_large_patch4_window12_384",
        "swin_b",
        {**_SWIN, **_LARGE, "window": 12},
    ),
    (r"vit_(s|b|l)(?:mall|ase|arge)_patch14_dinov2", r"dinov2_vit\g<1>14", _VIT),
    (
        r"vit_(s|b|l)(?:mall|ase|arge)_patch14_reg4_dinov2",
        r"dinov2_vit\g<1>14_reg",
        {"class_position": False},
    ),
    (
        r"vit_(s|b|l)(?:mall|ase|arge)(?:_(plus))?_patch16_dinov3",
        r"dinov3_vit\g<1>16\2",
        {},
    ),
    (r"(?:vit|deit)_(ti)ny_patch16_(?:224|384)", r"vitti16", _VIT),
    (r"(?:vit|deit)_(s|b|l)(?:mall|ase|arge)_patch16_(?:224|384)", r"vit\g<1>16", _VIT),
    (r"deit_tiny_distilled_patch16_224", r"vitti16", {**_VIT, "distilled": True}),
    (
        r"deit_(s|b)(?:mall|ase)_distilled_patch16_(?:224|384)",
        r"vit\g<1>16",
        {**_VIT, "distilled": True},
    ),
)


def rows(
    results: pathlib.Path | None, only: Container[str] | None = None
) -> Iterator[Published]:
    """Yields the classifiers whose architecture is a backbone of jaxseg.

    Args:
      results: timm's `results/results-imagenet.csv`, which the installed package does
        not contain. Without it, the entries have no scores.
      only: The names of the entries. By default all are yielded.
    """
    library = pytorch.timm()
    scores = _scores(results) if results is not None else {}
    for name in library.list_pretrained():
        found = _backbone(name.partition(".")[0])
        if found and (only is None or f"timm/{name}" in only):
            yield _row(library, name, *found, scores)


def _backbone(arch: str) -> tuple[str, dict[str, Any]] | None:
    for pattern, target, options in ARCHITECTURES:
        match = re.fullmatch(pattern, arch)
        if match:
            return match.expand(target), options
    return None


def _scores(file: pathlib.Path) -> dict[tuple[str, int], float]:
    """Returns the top-1 accuracy by model and image size."""
    with file.open(encoding="utf-8") as lines:
        return {
            (row["model"], int(row["img_size"])): float(row["top1"])
            for row in csv.DictReader(lines)
        }


def _row(
    library: Any,
    name: str,
    backbone: str,
    options: dict[str, Any],
    scores: Mapping[tuple[str, int], float],
) -> Published:
    config = library.get_pretrained_cfg(name)
    size = (config.test_input_size or config.input_size)[1]
    score = scores.get((name, size))
    if backbone.startswith("vit"):  # The position embedding has this size.
        options = {**options, "image_size": tuple(config.input_size[1:])}
    entry = Entry(
        config.hf_hub_id if "/" in config.hf_hub_id else f"timm/{name}",
        library="timm",
        url=f"hf://timm/{name}@main/model.safetensors",
        backbone=backbone,
        options=options,
        license=config.license or "timm does not state it",
        mean=tuple(config.mean),
        std=tuple(config.std),
        num_classes=config.num_classes,
        data=f"tag {name.partition('.')[2]} of timm",
        score=score,
        metric="" if score is None else f"top-1 accuracy on ImageNet-1K at {size}",
        score_source="" if score is None else "timm, results/results-imagenet.csv",
    )
    build = partial(
        library.create_model, name, pretrained=False, num_classes=config.num_classes
    )
    model = f"{name.partition('.')[0]} {config.input_size}"
    return Published(entry, build, model=model)
