"""Tests that table, networks and keys of each row of `SOURCES` agree."""

import re

import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.config import ModelConfig
from jaxseg.weights.catalog.library_names import named_by
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.model_card import LICENSES

QUICK = (
    "DeepLabV3 on ResNet-v1c",
    "LR-ASPP on MobileNet v3",
    "U-Net, bilinear",
    "Unet on ResNet",
)
# These networks take long to trace. Other rows have the same heads, or the same trunks,
# and the comparisons with the libraries read their tables.
LONG = (
    "mmsegmentation-DANet on ResNet-v1c",
    "mmsegmentation-DPT",
    "mmsegmentation-FastFCN-ASPP on ResNet-v1c",
    "mmsegmentation-FastFCN-PSP on ResNet-v1c",
    "mmsegmentation-HRNet",
    "mmsegmentation-OCRNet on HRNet",
    "mmsegmentation-SETR-PUP",
    "mmsegmentation-SETR-naive",
    "mmsegmentation-UPerNet on ConvNeXt",
    "mmsegmentation-UPerNet on Swin",
    "mmsegmentation-UPerNet on ViT",
    "segmentation_models_pytorch-DPT on ViT",
    "segmentation_models_pytorch-DeepLabV3Plus on EfficientNet of timm",
    "segmentation_models_pytorch-DeepLabV3Plus on EfficientNet-B0",
    "segmentation_models_pytorch-DeepLabV3Plus on MobileNet v2",
    "segmentation_models_pytorch-Segformer",
    "segmentation_models_pytorch-Unet on ConvNeXt of timm",
    "segmentation_models_pytorch-Unet on EfficientNet of timm",
    "segmentation_models_pytorch-Unet on Mix Transformer",
    "segmentation_models_pytorch-UnetPlusPlus on EfficientNet of timm",
    "segmentation_models_pytorch-UnetPlusPlus on EfficientNet-B0",
    "torchvision-DeepLabV3 on MobileNet v3",
    "transformers-Mask2Former on ResNet",
)


def parameter(source):
    """Returns a row as a parameter with the marks of its tier."""
    name = f"{source.library}-{source.name}"
    marks = [] if source.name in QUICK else [pytest.mark.slow]
    marks += [pytest.mark.sweep] if name in LONG else []
    return pytest.param(source, id=name, marks=marks)


SOURCES = [  # other trunks below the same heads are covered by PSPNet's rows
    parameter(source)
    for source in weights.SOURCES
    if source.networks
    and not re.search(r"on EfficientNet-B[1-7]", source.name)  # B0 stands for all.
    and (source.name.startswith("PSPNet") or not source.name.endswith(("-v1d", "-v1b")))
]


def one_number_each(shapes):
    """Returns variables of a model with one number per tensor.

    The embeddings before the later stages have four entries along each axis, because
    Swin's patch merging reorders them in groups of four.
    """
    side = lambda path: 4 if re.search(r"stage[123]_embed", path) else 1
    tiny = {p: np.zeros((side(p),) * len(s.shape)) for p, s in flatten(shapes).items()}
    tree = {}
    for path, value in tiny.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_a_network_is_written_and_recognized(source):
    """Every variable has its key, the keys lead back to the row, and the library and
    the network lead to these keys.
    """
    network = source.networks[0]
    options = dict(network.options)
    model = create_model(network.name, 5, backbone=network.backbone, **options)
    tiny = one_number_each(variable_shapes(model))
    keys = weights.to_torch(tiny, source.rules).keys()
    assert weights.detect(keys) is source
    config = ModelConfig(network.name, options, backbone=network.backbone)
    named = named_by(source.library, config, tiny)
    assert named.keys() == keys


def test_a_library_without_the_network_is_refused():
    with pytest.raises(ValueError, match="library that has the network segnet"):
        named_by("torchvision", ModelConfig("segnet"), {})


def test_the_long_rows_exist():
    assert set(LONG) <= {row.id for row in SOURCES}


def test_every_network_can_be_built():
    rows = [network for source in weights.SOURCES for network in source.networks]
    for network in rows:
        options = network.options_for(())
        assert create_model(network.name, 5, backbone=network.backbone, **options)
    assert len(rows) > 90


def with_extras(source):
    """Returns the keys of a row, and keys that any file of its library may have."""
    return {*source.has, "epoch", "decode_head.other.weight"}


@pytest.mark.parametrize(
    "source", weights.SOURCES, ids=lambda s: f"{s.library}-{s.name}"
)
def test_no_row_is_hidden_by_another(source):
    assert weights.detect(with_extras(source)) is source


@pytest.mark.parametrize(
    "source", weights.SOURCES, ids=lambda s: f"{s.library}-{s.name}"
)
def test_rows(source):
    """The table exists, and the license note is not empty."""
    rules = source.rules
    assert rules and all(len(rule) in (2, 3) for rule in rules)
    assert any(name in source.library for name in LICENSES)
    assert source.part == "backbone" or source.networks
    if source.part == "backbone":
        assert all(rule[1] is None or "/backbone/" in rule[1] for rule in rules)


def test_the_row_of_a_depth():
    """Networks that share a name are distinguished by their options."""
    keys = ("encoder.layer4.0.conv1.weight", "decoder.aspp.convs.0.0.weight")
    source = weights.detect(keys)
    row = source.network("deeplabv3_resnet50", {"depth": 34, "eager_rate": True})
    assert dict(row.options)["depth"] == 34 and row.peer == (
        ("encoder_name", "resnet34"),
    )
    for options in (None, {"eager_rate": True}):
        row = source.network("deeplabv3_resnet50", options)
        assert row.peer == (("encoder_name", "resnet50"),)


def test_a_head_of_its_own_option():
    network = weights.SourceNetwork("n", (("a", 1),), aux="aux_classifier.")
    assert network.options_for(["classifier.0.weight"]) == {"a": 1}
    assert network.options_for(["aux_classifier.0.weight"]) == {"a": 1, "aux": True}


@pytest.mark.parametrize(
    ("address", "mean", "unknown"),
    [
        ("hf://timm/deit_tiny_patch16_224.fb_in1k/model.safetensors", 0.485, False),
        ("hf://timm/vit_base_patch16_224.augreg_in1k/model.safetensors", 0.5, False),
        ("/home/deit/files/vit.pth", 0.485, True),
    ],
)
def test_normalization_of_transformers(address, mean, unknown):
    """The keys are equal, so the name decides, or a note says that nothing does."""
    keys = ("cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight")
    normalization, note = weights.detect(keys).normalization_of(address)
    assert normalization.mean[0] == mean
    assert ("normalization is unknown" in note) == unknown
