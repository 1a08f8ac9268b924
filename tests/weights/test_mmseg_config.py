"""Tests which options are read from MMEngine's configuration text."""

import importlib.util
import pathlib

import pytest

from jaxseg import weights
from jaxseg.backbones.resnet import plan_units
from jaxseg.backbones.resnet_variant import ResNetVariant
from jaxseg.weights.catalog import mmseg_config
from jaxseg.weights.catalog.config_text import field, read

BLOCKS = (3, 4, 6, 3)
ROWS = {  # type of the decode head -> name of our row
    "ASPPHead": "DeepLabV3",
    "DepthwiseSeparableASPPHead": "DeepLabV3+",
    "PSPHead": "PSPNet",
    "FCNHead": "FCN",
    "DAHead": "DANet",
    "NLHead": "Non-local",
    "OCRHead": "OCRNet",
}
CONFIGS = {  # configuration of the library -> what must be told apart from the usual
    "deeplabv3plus/deeplabv3plus_r101-d16-mg124_4xb2-80k_cityscapes-512x1024": {
        "output_stride": 16,
        "multi_grid": (1, 1, 2),
    },
    "deeplabv3/deeplabv3_r50-d8_4xb2-40k_cityscapes-769x769": {"align_corners": True},
    "pspnet/pspnet_r50-d32_4xb2-80k_cityscapes-512x1024": {
        "output_stride": 32,
        "stage_rates": (1, 1, 2, 4),
    },
    "fcn/fcn-d6_r50-d16_4xb2-40k_cityscapes-769x769": {
        "output_stride": 16,
        "head_rate": 6,
        "align_corners": True,
    },
    "danet/danet_r50-d8_4xb2-40k_cityscapes-769x769": {"align_corners": True},
    "nonlocal_net/nonlocal_r50-d8_4xb2-40k_cityscapes-769x769": {"align_corners": True},
    "ocrnet/ocrnet_r101-d8_4xb2-40k_cityscapes-512x1024": {},
    "fastfcn/fastfcn_r50-d32_jpu_aspp_4xb2-80k_cityscapes-512x1024": {},
}


def beside(text):
    return {"meta": {"cfg": text}}


def row(name):
    """Returns the first network of the row for ResNet-v1c."""
    (source,) = (s for s in weights.SOURCES if s.name == f"{name} on ResNet-v1c")
    return source.networks[0]


def row_of(model):
    """Returns the row that is recognized for a checkpoint of this configuration."""
    head = model["decode_head"]
    head = head[-1] if isinstance(head, tuple) else head
    if field(model, "neck.type") == "JPU":
        return row("FastFCN-ASPP")
    return row(ROWS[head["type"]])


def dilations(trunk):
    """Returns stride and dilation of every unit by the rule of MMSegmentation's
    ResLayer.
    """
    plan = []
    for stage, count in enumerate(BLOCKS):
        rate, stride = trunk["dilations"][stage], trunk["strides"][stage]
        grid = trunk.get("multi_grid") if stage == 3 else None
        first = rate // 2 if rate > 1 and trunk.get("contract_dilation") else rate
        rates = list(grid[:count]) if grid else [first] + [rate] * (count - 1)
        plan.append([(stride if i == 0 else 1, rate) for i, rate in enumerate(rates)])
    return plan


@pytest.mark.parametrize("name", CONFIGS)
def test_the_text_that_mmengine_stores(name):
    """The rate of every unit follows from the options, for the library's own files."""
    config = pytest.importorskip("mmengine.config").Config
    package = importlib.util.find_spec("mmseg")
    if package is None:
        pytest.skip("needs the configuration files of mmsegmentation")
    folder = pathlib.Path(package.origin).parent / ".mim/configs"
    text = config.fromfile(folder / f"{name}.py").pretty_text
    model = read(text)["model"]
    network = row_of(model)
    stated = mmseg_config.stated_options(beside(text), network)
    assert stated == CONFIGS[name]
    options = {"output_stride": 8, **dict(network.options), **dict(network.unseen)}
    options |= stated
    plan = plan_units(
        BLOCKS,
        options["output_stride"],
        multi_grid=options.get("multi_grid", (1, 1, 1)),
        variant=ResNetVariant(stage_rates=options.get("stage_rates")),
    )
    ours = [
        [(unit.stride, unit.first_rate if unit.pooled else unit.rate) for unit in stage]
        for stage in plan
    ]
    assert ours == dilations(model["backbone"])
    assert mmseg_config.stated_normalization(beside(text)) == weights.Normalization()


def text(backbone, head="type='ASPPHead'", more=""):
    return (
        f"model = dict(\n    backbone=dict({backbone}, type='ResNetV1c'),\n"
        f"    decode_head=dict({head}),{more})\n"
    )


D8 = "strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True"
D16 = "strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), contract_dilation=True"
D32 = "strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1)"
SPAN8 = "type='ASPPHead', dilations=(1, 12, 24, 36)"
MULTI_LINE = D16.replace("dilations", "multi_grid=(\n  1,\n  2,\n  4,\n ), dilations")


@pytest.mark.parametrize(
    ("backbone", "head", "options"),
    [
        (D8, SPAN8, {}),
        (D32, "type='ASPPHead', dilations=(1, 3, 6, 9)", {"output_stride": 32}),
        (D16, "type='ASPPHead'", {"output_stride": 16}),
        (MULTI_LINE, "", {"output_stride": 16, "multi_grid": (1, 1, 2)}),
        (f"{D16}, multi_grid=[1, 2, 4]", "", (16, (1, 1, 2))),
        (f"{D16}, multi_grid=(2, 4, 8, )", "", (16, (2, 2, 4))),
        (D8.replace("True", "False"), SPAN8, {"eager_rate": True}),
        (f"{D8}, style='caffe'", SPAN8, {"stride_in": "conv1"}),
        (f"{D8}, style='caffe', depth=18", SPAN8, {}),
        (D8, SPAN8 + ", align_corners=True", {"align_corners": True}),
        (D8, "type='ASPPHead'", {"rates": (6, 12, 18)}),
    ],
)
def test_what_the_configuration_states(backbone, head, options):
    if isinstance(options, tuple):
        options = dict(zip(("output_stride", "multi_grid"), options, strict=True))
    for name in ("cfg", "config"):
        found = {"meta": {name: text(backbone, head)}}
        assert mmseg_config.stated_options(found, row("DeepLabV3")) == options


@pytest.mark.parametrize(
    "nothing",
    ["", "model = 3", "model = dict(", "x" * 200_000, None, b"model = dict()", "a\0b"],
)
def test_texts_that_state_nothing(nothing):
    assert mmseg_config.stated_options(beside(nothing), row("DeepLabV3")) == {}
    assert mmseg_config.stated_normalization(beside(nothing)) is None


@pytest.mark.parametrize(
    ("backbone", "head", "network", "message"),
    [
        (
            f"{D8}, multi_grid=(1, 2, 4)",
            "",
            "FCN",
            r"multi_grid=\(1, 2, 4\): expected three",
        ),
        ("strides=(1, 1, 2, 2), dilations=(1, 1, 1, 1)", "", "FCN", "strides="),
        (D8.replace("(1, 1, 2, 4)", "(1, 1, 1, 1)"), "", "FCN", "dilations="),
        (D8.replace("(1, 1, 2, 4)", "'x'"), "", "FCN", "expected a sequence"),
        (D16, "", "DANet", "has output_stride=16: expected .* that danet_resnet50"),
        (D8, "type='ASPPHead', dilations=(2, 12, 24, 36)", "DeepLabV3", "ASPP head"),
    ],
)
def test_what_the_networks_here_cannot_be(backbone, head, network, message):
    """An unsupported configuration is refused, because the results would differ."""
    with pytest.raises(ValueError, match=message):
        mmseg_config.stated_options(beside(text(backbone, head)), row(network))


@pytest.mark.parametrize(
    ("fields", "mean", "order"),
    [
        ("mean=[127.5, 127.5, 127.5], std=[127.5] * 3, bgr_to_rgb=True", None, None),
        ("mean=[127.5, 0, 51], std=[255, 1, 1], bgr_to_rgb=True", (0.5, 0, 0.2), "RGB"),
        ("mean=[127.5, 0, 51], std=[255, 1, 1]", (0.5, 0, 0.2), "BGR"),
        ("mean=[127.5, 0], std=[1, 1]", None, None),
        ("mean=[1, 1, 1], std=[1, 0, 1]", None, None),
    ],
)
def test_normalization(fields, mean, order):
    for source in (
        f"model = dict(data_preprocessor=dict({fields}))",
        f"img_norm_cfg = dict({fields.replace('bgr_to_rgb', 'to_rgb')})",
    ):
        found = mmseg_config.stated_normalization(beside(source))
        assert (found and (found.mean, found.order)) == (mean and (mean, order))
