"""EfficientNet and ViT equal torchvision's under random weights."""

import pytest

from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.vit import vit_pyramid
from jaxseg.weights.catalog.maps import torchvision_efficientnet, torchvision_vit

LEVELS = ("c1", "c2", "c3", "c4", "c5")
STAGES = (1, 2, 3, 5, 7)  # The last stage of each level.


def stages(net, x):
    found = {}
    for number, stage in enumerate(net.features[:8]):
        x = stage(x)
        if number in STAGES:
            found[LEVELS[STAGES.index(number)]] = x
    return found


@pytest.mark.slow
@pytest.mark.parametrize("size", ["b0", "b5"])
def test_efficientnet(peers, size):
    """A quarter of the channels; the epsilon of B5 is that of the authors."""
    from functools import partial

    import torch

    module = peers.torchvision.models.efficientnet
    settings, last = module._efficientnet_conf(
        f"efficientnet_{size}", width_mult=0.25, depth_mult=0.5
    )
    epsilon = 1e-3 if size == "b5" else 1e-5
    norm = partial(torch.nn.BatchNorm2d, eps=epsilon)
    net = module.EfficientNet(settings, 0.2, last_channel=last, norm_layer=norm)
    model = BACKBONES[f"efficientnet_{size}"].create(
        width=0.25, depth=0.5, padding="symmetric", epsilon=epsilon
    )
    peers.compare(
        model,
        peers.randomize(net, run=stages, size=(160, 160)),
        torchvision_efficientnet.BACKBONE,
        sizes=((64, 96), (65, 97)),
        run=stages,
        allow_unused=("features.8.*", "classifier.*"),
        label=f"torchvision: EfficientNet-{size.upper()}, narrow",
    )


def layers(net, x):
    size = [side // 16 for side in x.shape[2:]]
    tokens = net._process_input(x)
    tokens = net.class_token.expand(len(x), -1, -1), tokens
    import torch

    x, found = torch.cat(tokens, 1) + net.encoder.pos_embedding, []
    for layer in net.encoder.layers:
        x = layer(x)
        found.append(x[:, 1:].mT.unflatten(2, size))
    return dict(zip(LEVELS[1:], found, strict=True))


@pytest.mark.slow
def test_vit(peers):
    net = peers.torchvision.models.VisionTransformer(64, 16, 4, 2, 32, 128)
    model = vit_pyramid(depth=4, width=32, heads=2, image_size=(64, 64))
    peers.compare(
        model,
        peers.randomize(net, run=layers),
        torchvision_vit.BACKBONE,
        sizes=((64, 64),),
        run=layers,
        label="torchvision: ViT, four narrow layers",
    )
