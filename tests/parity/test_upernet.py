"""UPerNet equals MMSegmentation's and segmentation_models.pytorch's."""

import pytest

from jaxseg import create_model, weights
from jaxseg.weights.catalog import mmseg_peer
from jaxseg.weights.catalog.maps import mmseg_upernet, smp_upernet
from tests.parity.test_context import whole

SIZES = ((64, 96), (65, 97))
WIDTHS, BLOCKS = (8, 16, 24, 32), (1, 1, 2, 1)


def build(peers, name, widths, **backbone):
    """MMSegmentation's network with a narrow head on a backbone with these widths."""
    assert peers.mmseg
    fields = {
        "decode_head.in_channels": widths,
        "decode_head.channels": 16,
        "auxiliary_head.in_channels": widths[2],
        **{f"backbone.{field}": value for field, value in backbone.items()},
    }
    return mmseg_peer.build(f"_base_/models/{name}", fields, {}, 19)


@pytest.mark.slow
def test_mmseg_resnet(peers):
    net = build(peers, "upernet_r50", (64, 128, 256, 512), depth=18)
    net = peers.randomize(net, run=whole)
    source = weights.detect(net.state_dict())
    assert source.name == "UPerNet on ResNet-v1c"
    peers.compare(
        create_model("upernet_resnet50", 19, depth=18, features=16),
        net,
        source.rules,
        sizes=SIZES,
        run=whole,
        label="mmsegmentation: UPerNet R18, narrow head",
    )


def mmpretrain_convnext(peers):
    """The modules of timm's ConvNeXt under MMPretrain's names, with norms of outputs."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.depthwise_conv, self.norm = block.conv_dw, block.norm
            self.pointwise_conv1, self.pointwise_conv2 = block.mlp.fc1, block.mlp.fc2
            self.gamma = block.gamma

        def forward(self, x):
            y = self.norm(self.depthwise_conv(x).permute(0, 2, 3, 1))
            y = self.pointwise_conv2(nn.functional.gelu(self.pointwise_conv1(y)))
            return x + (self.gamma * y).permute(0, 3, 1, 2)

    class Backbone(nn.Module):
        def __init__(self, net):
            super().__init__()
            downs = [net.stem, *(stage.downsample for stage in net.stages[1:])]
            self.downsample_layers = nn.ModuleList(downs)
            self.stages = nn.ModuleList(
                nn.Sequential(*map(Block, stage.blocks)) for stage in net.stages
            )
            for i, width in enumerate(WIDTHS):
                self.add_module(f"norm{i}", nn.LayerNorm(width, eps=1e-6))

        def forward(self, x):
            maps = []
            for i, stage in enumerate(self.stages):
                x = stage(self.downsample_layers[i](x))
                y = getattr(self, f"norm{i}")(x.permute(0, 2, 3, 1))
                maps.append(y.permute(0, 3, 1, 2))
            return maps

    create = peers.timm.create_model
    return Backbone(create("convnext_tiny", dims=WIDTHS, depths=BLOCKS))


@pytest.mark.slow
def test_mmseg_convnext(peers):
    net = build(peers, "upernet_r50", WIDTHS)
    net.backbone = mmpretrain_convnext(peers)
    net = peers.randomize(net, run=whole)
    assert weights.detect(net.state_dict()).name == "UPerNet on ConvNeXt"
    options = {"channels": WIDTHS, "blocks": BLOCKS, "features": 16}
    peers.compare(
        create_model("upernet_convnext_t", 19, **options),
        net,
        mmseg_upernet.CONVNEXT,
        sizes=SIZES,
        run=whole,
        label="mmsegmentation: UPerNet ConvNeXt, narrow",
    )


def padded(net, x):
    """The outputs of the image padded to whole patches, without the padding."""
    from torch.nn.functional import pad

    height, width = x.shape[2:]
    outputs = whole(net, pad(x, (0, -width % 16, 0, -height % 16)))
    return {name: y[:, :, :height, :width] for name, y in outputs.items()}


@pytest.mark.slow
def test_mmseg_vit(peers):
    """The padded image of the second size has 5 x 7 patches, so that c5 loses a row."""
    assert peers.mmseg
    fields = {
        "backbone.img_size": (64, 64),
        "backbone.embed_dims": 16,
        "backbone.num_layers": 4,
        "backbone.num_heads": 2,
        "backbone.out_indices": (0, 1, 2, 3),
        "neck.in_channels": [16] * 4,
        "neck.out_channels": 12,
        "decode_head.in_channels": [12] * 4,
        "decode_head.channels": 16,
        "auxiliary_head.in_channels": 12,
    }
    net = mmseg_peer.build("_base_/models/upernet_vit-b16_ln_mln", fields, {}, 19)
    assert weights.detect(net.state_dict()).name == "UPerNet on ViT"
    trunk = {"depth": 4, "width": 16, "heads": 2, "image_size": (64, 64)}
    model = create_model(
        "upernet",
        19,
        backbone="vitb16",
        backbone_options={**trunk, "resizing": "bicubic", "patch_bias": False},
        neck="multilevel",
        neck_features=12,
        features=16,
        aux_tap="c5",
    )
    peers.compare(
        model,
        peers.randomize(net, run=whole),
        mmseg_upernet.VIT,
        sizes=SIZES,
        run=padded,
        label="mmsegmentation: UPerNet ViT, multi-level neck, narrow",
    )


@pytest.mark.slow
def test_smp(peers):
    """The library accepts multiples of 32 only."""
    net = peers.smp.UPerNet(
        "resnet18", encoder_weights=None, classes=5, decoder_channels=16
    )
    options = {"depth": 18, "features": 16, "variant": "smp"}
    peers.compare(
        create_model("upernet_resnet50", 5, **options),
        peers.randomize(net),
        smp_upernet.MAP,
        sizes=((64, 64), (64, 96)),
        label="smp: UPerNet resnet18, narrow head",
    )
