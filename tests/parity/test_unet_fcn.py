"""U-Nets and FCN-ResNet equal smp, MMSegmentation and torchvision through the tables."""

import numpy as np
import pytest

from jaxseg.models.fcn_resnet import fcn_resnet50
from jaxseg.models.unet import unet
from jaxseg.models.unet_fcn import unet_fcn
from jaxseg.models.unet_resnet import unet_resnet
from jaxseg.weights.catalog.maps import (
    milesial_unet,
    mmseg_unet,
    smp_unet,
    torchvision_fcn,
)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [18, 34, 50])
def test_smp_unet(peers, depth):
    net = peers.smp.Unet(f"resnet{depth}", encoder_weights=None, classes=5)
    model = unet_resnet(5, depth=depth)
    label = f"smp: Unet resnet{depth}"
    peers.compare(model, peers.randomize(net), smp_unet.MAP, label=label)


@pytest.mark.slow
def test_mmseg_unet(peers):
    """MMSegmentation refuses odd sizes, so both sizes are multiples of 16."""
    _ = peers.mmseg
    from mmengine.registry import init_default_scope
    from mmseg.models.backbones.unet import UNet
    from mmseg.models.decode_heads import FCNHead

    init_default_scope("mmseg")
    options = {
        "num_convs": 1,
        "concat_input": False,
        "num_classes": 5,
        "norm_cfg": {"type": "BN"},
        "channels": 8,
        "loss_decode": {"type": "CrossEntropyLoss", "avg_non_ignore": True},
    }
    torch = peers.torch
    net = torch.nn.Module()
    net.backbone = UNet(base_channels=8)
    net.decode_head = FCNHead(in_channels=8, in_index=4, **options)
    net.auxiliary_head = FCNHead(in_channels=16, in_index=3, **options)

    def run(net, x):
        maps = net.backbone(x)
        outputs = {"logits": net.decode_head(maps), "aux": net.auxiliary_head(maps)}
        return {
            name: torch.nn.functional.interpolate(y, x.shape[2:], mode="bilinear")
            for name, y in outputs.items()
        }

    peers.randomize(net, run=run)
    peers.compare(
        unet_fcn(5, width=8),
        net,
        mmseg_unet.MAP,
        run=run,
        sizes=((64, 64), (48, 80)),
        label="mmseg: UNet-S5-D16 + FCNHead",
    )


@pytest.mark.slow
def test_torchvision_fcn_resnet50(peers):
    net = peers.torchvision.models.segmentation.fcn_resnet50(
        weights=None, weights_backbone=None, num_classes=5, aux_loss=True
    )
    label = "torchvision: fcn_resnet50"
    model = fcn_resnet50(5)
    peers.compare(model, peers.randomize(net), torchvision_fcn.MAP, label=label)


class Container:
    """Builds the module names of milesial/Pytorch-UNet from plain torch layers."""

    def __init__(self, torch, width, classes, bilinear):
        self.nn, self.torch, self.bilinear = torch.nn, torch, bilinear
        factor = 2 if bilinear else 1
        widths = [width * 2**i for i in range(5)]
        self.net = torch.nn.Module()
        self.net.inc = self.named(double_conv=self.double(3, width, width))
        for i in range(1, 5):
            out = widths[i] // (factor if i == 4 else 1)
            block = self.named(double_conv=self.double(widths[i - 1], out, out))
            pair = torch.nn.Sequential(torch.nn.MaxPool2d(2), block)
            setattr(self.net, f"down{i}", self.named(maxpool_conv=pair))
        for i in range(1, 5):
            wide, out = widths[5 - i], widths[4 - i] // (factor if i < 4 else 1)
            mid = wide // 2 if bilinear else out
            modules = {"conv": self.named(double_conv=self.double(wide, mid, out))}
            if not bilinear:
                modules["up"] = torch.nn.ConvTranspose2d(wide, wide // 2, 2, 2)
            setattr(self.net, f"up{i}", self.named(**modules))
        self.net.outc = self.named(conv=torch.nn.Conv2d(width, classes, 1))

    def named(self, **modules):
        module = self.nn.Module()
        for name, child in modules.items():
            module.add_module(name, child)
        return module

    def double(self, source, mid, out):
        def layers(a, b):
            convolution = self.nn.Conv2d(a, b, 3, padding=1, bias=False)
            return convolution, self.nn.BatchNorm2d(b), self.nn.ReLU()

        return self.nn.Sequential(*layers(source, mid), *layers(mid, out))

    def run(self, net, x):
        functional = self.nn.functional
        maps = [net.inc.double_conv(x)]
        for i in range(1, 5):
            pool, block = getattr(net, f"down{i}").maxpool_conv
            maps.append(block.double_conv(pool(maps[-1])))
        x = maps.pop()
        for i in range(1, 5):
            up, skip = getattr(net, f"up{i}"), maps.pop()
            if self.bilinear:
                x = functional.interpolate(
                    x, scale_factor=2, mode="bilinear", align_corners=True
                )
            else:
                x = up.up(x)
            rows, columns = np.subtract(skip.shape[2:], x.shape[2:])
            left, top = columns // 2, rows // 2
            x = functional.pad(x, (left, columns - left, top, rows - top))
            x = up.conv.double_conv(self.torch.cat([skip, x], 1))
        return {"logits": net.outc.conv(x)}


@pytest.mark.parametrize("up", ["transposed", "bilinear"])
def test_torch_layers(peers, up):
    """The common PyTorch U-Net rebuilt from torch layers, padding of odd maps too."""
    reference = Container(peers.torch, 8, 5, up == "bilinear")
    peers.randomize(reference.net, run=reference.run)
    peers.compare(
        unet(5, width=8, up=up),
        reference.net,
        milesial_unet.MAP,
        run=reference.run,
        sizes=((65, 96), (50, 23)),
        label=f"torch: U-Net {up}",
    )
