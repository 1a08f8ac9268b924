"""FCN, PSPNet, DeepLab v3, v3+ and FastFCN (PSP, ASPP, Enc) equal MMSegmentation's."""

import pathlib

import pytest

from jaxseg import create_model, weights
from jaxseg.weights.catalog.maps import mmseg_deeplab as maps
from jaxseg.weights.catalog.maps import mmseg_fcn
from jaxseg.weights.catalog.mmseg_config import stated_options

BLOCKS = (1, 1, 1, 2)
TRUNK = {"stem": "c", "blocks": BLOCKS, "output_stride": 8}
FOLDER = "fastfcn/fastfcn_r50-d32_jpu_{}_4xb2-80k_cityscapes-512x1024"
WIDE = {"features": 512, "project_kernel": 3, "pool_first": True}


def plain(node):
    """The configuration with ordinary batch norm and nothing to download."""
    if isinstance(node, dict):
        node = {k: plain(v) for k, v in node.items()}
        if node.get("type") == "SyncBN":
            node["type"] = "BN"
        return {k: v for k, v in node.items() if k not in ("pretrained", "init_cfg")}
    return [plain(v) for v in node] if isinstance(node, (list, tuple)) else node


def read(peers, name):
    """A configuration file of the installed library."""
    root = pathlib.Path(peers.mmseg.__file__).parent / ".mim/configs"
    from mmengine.config import Config

    return Config.fromfile(root / f"{name}.py")


def build(peers, name, blocks=BLOCKS):
    """The network of a configuration file, with few units and random weights."""
    config = plain(read(peers, name).model.to_dict())
    import torch
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope("mmseg")
    config.pop("data_preprocessor", None)
    if "neck" in config:
        config["neck"]["in_channels"] = tuple(config["neck"]["in_channels"])
        config["neck"]["dilations"] = tuple(config["neck"]["dilations"])
    net = MODELS.build(config)
    for index, count in enumerate(blocks, start=1):
        stage = getattr(net.backbone, f"layer{index}")
        short = torch.nn.Sequential(*list(stage)[:count])
        setattr(net.backbone, f"layer{index}", short)
    return peers.randomize(net, run=run(peers))


def run(peers):
    """Whole-image outputs; the encoding head's second output is left out."""

    def forward(net, x):
        head = net.decode_head
        if getattr(head, "use_se_loss", False):
            plain_forward = type(head).forward
            head.forward = lambda features: plain_forward(head, features)[0]
        return peers.mmseg_forward(net, x)

    return forward


def check(peers, model, net, rules, label):
    peers.compare(model, net, rules, run=run(peers), label=f"mmseg: {label}")


@pytest.mark.slow
def test_pspnet(peers):
    net = build(peers, "_base_/models/pspnet_r50-d8")
    model = create_model("pspnet_resnet50", 19, align_corners=False, **TRUNK)
    check(peers, model, net, maps.MAP_PSPNET, "PSPNet R50-D8")


@pytest.mark.slow
def test_deeplabv3(peers):
    net = build(peers, "_base_/models/deeplabv3_r50-d8")
    options = {**TRUNK, **WIDE, "refine": False, "aux": True}
    model = create_model("deeplabv3_resnet50", 19, **options)
    check(peers, model, net, maps.MAP_V3, "DeepLabV3 R50-D8")


@pytest.mark.slow
def test_deeplabv3plus(peers):
    net = build(peers, "_base_/models/deeplabv3plus_r50-d8")
    options = {**TRUNK, **WIDE, "separable": "full", "aux": 256}
    model = create_model("deeplabv3plus_resnet50", 19, **options)
    check(peers, model, net, maps.MAP_V3PLUS, "DeepLabV3+ R50-D8")


STATED = {  # configuration -> our row, and what is shorter than there
    "deeplabv3plus/deeplabv3plus_r101-d16-mg124_4xb2-80k_cityscapes-512x1024": (
        "DeepLabV3+",
        {"blocks": (1, 1, 1, 3)},
    ),
    "deeplabv3/deeplabv3_r50-d8_4xb2-40k_cityscapes-769x769": ("DeepLabV3", {}),
    "pspnet/pspnet_r50-d32_4xb2-80k_cityscapes-512x1024": ("PSPNet", {}),
    "fcn/fcn-d6_r50-d16_4xb2-40k_cityscapes-769x769": ("FCN", {}),
    "nonlocal_net/nonlocal_r50-d8_4xb2-40k_cityscapes-769x769": ("Non-local", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STATED)
def test_what_the_configuration_states(peers, name):
    """Stride, rates, multi-grid and corners come from the text beside the weights."""
    kind, more = STATED[name]
    (source,) = (s for s in weights.SOURCES if s.name == f"{kind} on ResNet-v1c")
    network = source.networks[0]
    net = build(peers, name, blocks=more.get("blocks", BLOCKS))
    text = read(peers, name).pretty_text
    options = network.options_for(peers.state_dict(net))
    options |= stated_options({"meta": {"cfg": text}}, network)
    model = create_model(network.name, 19, **{"blocks": BLOCKS, **options, **more})
    check(peers, model, net, source.rules, name.partition("/")[2].partition("_4x")[0])


@pytest.mark.slow
def test_fcn(peers):
    net = build(peers, "_base_/models/fcn_r50-d8")
    model = create_model("fcn_resnet50", 19, convs=2, join=True, **TRUNK)
    check(peers, model, net, mmseg_fcn.MAP, "FCN R50-D8")


FASTFCN = {
    "psp": ("psp", "_base_/models/fastfcn_r50-d32_jpu_psp", maps.MAP_FASTFCN_PSP),
    "aspp": ("deeplabv3", FOLDER.format("aspp"), maps.MAP_FASTFCN_ASPP),
    "enc": ("enc", FOLDER.format("enc"), maps.MAP_FASTFCN_ENC),
}


@pytest.mark.slow
@pytest.mark.parametrize("head", FASTFCN)
def test_fastfcn(peers, head):
    name, config, rules = FASTFCN[head]
    options = {"stem": "c", "blocks": BLOCKS, "align_corners": False}
    options["stage_rates"] = (1, 1, 2, 4)  # those of D8, beside the strides
    model = create_model(f"fastfcn_{name}_resnet50", 19, variant="mmseg", **options)
    net = build(peers, config)
    check(peers, model, net, rules, f"FastFCN {head.upper()} R50-D32")
