"""DeepLab v1 and v2, DenseASPP and DUC written out from their authors' code.

Each reference reads our parameters by name; sizes, positions, orders and what works in
place are those of the released code, at even and odd image sizes.
"""

import pytest

from jaxseg.models.deeplabv1 import deeplabv1_vgg16
from jaxseg.models.deeplabv2 import deeplabv2_resnet101, deeplabv2_vgg16
from jaxseg.models.denseaspp import denseaspp_densenet
from jaxseg.models.duc import duc_hdc_resnet
from jaxseg.nn.block_config import BlockConfig

LAYERS = pytest.importorskip(
    "tests.parity.torch_layers", reason="needs torch: pip install jaxseg[parity]"
)
torch, F = LAYERS.torch, LAYERS.F
CHANNELS = (4, 4, 8, 8, 8)
SIZES = [(64, 96), (65, 97), (66, 83)]
IDS = ["even", "8k+1", "mixed"]


@pytest.fixture
def check(fill):
    def run(model, reference, size, gradient=False):
        variables = fill(model, (1, 64, 64, 3))
        LAYERS.compare(model, variables, reference, size, gradient=gradient)

    return run


def interp(x, size):
    """Caffe's Interp layer to a size: corners stay on corners."""
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def zoomed(x, factor, size):
    """Caffe's Interp layer with a zoom factor; what lies beyond the image is cut."""
    x = interp(x, [(n - 1) * factor + 1 for n in x.shape[2:]])
    return x[:, :, : size[0], : size[1]]


def deeplab_vgg(net, x):
    """The image, pool1 to pool4, and pool5: Caffe pools round up."""
    maps = [x]
    for level, count in enumerate((2, 2, 3, 3, 3), start=1):
        rate = 2 if level == 5 else 1
        for i in range(1, count + 1):
            x = net.conv(x, f"backbone/conv{level}_{i}", rate, dilation=rate).relu()
        stride = 2 if level < 4 else 1
        x = F.max_pool2d(x, 3, stride, 1, ceil_mode=True)
        maps.append(x)
    return maps


def fully_connected(net, x, number, rate, kernel):
    """fc6, fc7 and fc8 of one rate; fc7 with Caffe's pad of half the span."""
    path, pad = f"head/branch{number}", rate * (kernel - 1) // 2
    x = net.conv(x, f"{path}/fc6", pad, dilation=rate).relu()
    return net.conv(x, f"{path}/fc7").relu()


@pytest.mark.parametrize(
    ("size", "kernel", "rate"),
    [
        (SIZES[0], 3, 12),
        pytest.param(SIZES[1], 3, 12, marks=pytest.mark.slow),
        pytest.param(SIZES[2], 4, 4, marks=pytest.mark.slow),
        pytest.param(SIZES[2], 7, 4, marks=pytest.mark.slow),
    ],
)
def test_deeplabv1(check, size, kernel, rate):
    def reference(net, x):
        x = F.avg_pool2d(deeplab_vgg(net, x)[5], 3, 1, 1)
        x = fully_connected(net, x, 0, rate, kernel)
        return zoomed(net.conv(x, "head/score0"), 8, size)

    options = {"kernel": kernel, "rate": rate, "features": 16, "channels": CHANNELS}
    check(deeplabv1_vgg16(3, **options), reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES[:2], ids=IDS[:2])
@pytest.mark.parametrize("fusion", ["sum", "concat"])
def test_deeplabv1_early_predictions(check, size, fusion):
    def early(net, x, level):
        x = net.conv(x, f"head/scale{level}/conv", 1).relu()
        return net.conv(x, f"head/scale{level}/fc").relu()

    def reference(net, x):
        maps = deeplab_vgg(net, x)
        x = F.avg_pool2d(maps[5], 3, 1, 1)
        x = fully_connected(net, x, 0, 12, 3)
        parts = [early(net, y, level) for level, y in enumerate(maps[:5])]
        if fusion == "concat":
            parts = [interp(y, x.shape[2:]) for y in parts]
            x = net.conv(torch.cat([x, *parts], 1), "head/score0")
            return zoomed(x, 8, size)
        total = zoomed(net.conv(x, "head/score0"), 8, size)
        for level, stride in enumerate((1, 2, 4, 8, 8)):
            scores = net.conv(parts[level], f"head/scale{level}_score")
            total = total + zoomed(scores, stride, size)
        return total

    options = {"features": 16, "scale_features": 4, "channels": CHANNELS}
    check(deeplabv1_vgg16(3, fusion=fusion, **options), reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_deeplabv2_vgg16(check, size):
    """ASPP-L and a scale of one half, sized as Caffe's Interp layers are."""

    def scores(net, x):
        x = deeplab_vgg(net, x)[5]
        return sum(
            net.conv(fully_connected(net, x, i, rate, 3), f"head/score{i}")
            for i, rate in enumerate((6, 12, 18, 24))
        )

    def reference(net, x):
        whole = scores(net, x)
        half = interp(x, [(n - 1) // 2 + 1 for n in size])
        fused = torch.maximum(whole, interp(scores(net, half), whole.shape[2:]))
        return zoomed(fused, 8, size)

    options = {"features": 16, "channels": CHANNELS, "scales": (1.0, 0.5)}
    check(deeplabv2_vgg16(3, **options), reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_deeplabv2_resnet(check, size):
    """kazuto1011/deeplab-pytorch: ceil-mode pooling, images scaled by a factor."""
    plan = ((1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 1, 4))  # layer, stride, rate

    def scores(net, x):
        x = net.block(x, "backbone/stem/conv1", 3, stride=2)
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        for layer, stride, rate in plan:
            path = f"backbone/layer{layer}_0"
            x = net.bottleneck(x, path, stride, rate, first="conv1")
        return sum(
            net.conv(x, f"head/branch{i}", rate, dilation=rate)
            for i, rate in enumerate((6, 12, 18, 24))
        )

    def reference(net, x):
        options = {"mode": "bilinear", "align_corners": False}
        fused = scores(net, x)
        for scale in (0.75, 0.5):
            small = F.interpolate(x, scale_factor=scale, **options)
            y = F.interpolate(scores(net, small), fused.shape[2:], **options)
            fused = torch.maximum(fused, y)
        return F.interpolate(fused, size, **options)

    check(deeplabv2_resnet101(3, width=4, blocks=(1, 1, 1, 1)), reference, size)


@pytest.mark.parametrize(
    ("size", "aligned"),
    [((64, 96), False), pytest.param((48, 72), True, marks=pytest.mark.slow)],
    ids=["today", "0.3"],
)
def test_denseaspp(check, size, aligned):
    """The release, whose first branch activates the shared map in place.

    It enlarges by 8, so that its sides are multiples of 8, with the corner rule of
    today's PyTorch or of the one it was written for.
    """
    layers, rates = (1, 2, 2, 1), (3, 6, 12, 18, 24)

    def transition(net, x, number):
        x = net.norm(x, f"backbone/transition{number}/norm").relu()
        return net.conv(x, f"backbone/transition{number}/conv")

    def trunk(net, x):
        x = F.max_pool2d(net.block(x, "backbone/stem", 3, stride=2), 3, 2, 1)
        for number, rate in enumerate((1, 1, 2, 4), start=1):
            for i in range(1, layers[number - 1] + 1):
                path = f"backbone/block{number}_{i}"
                y = net.conv(net.norm(x, f"{path}/norm1").relu(), f"{path}/conv1")
                y = net.norm(y, f"{path}/norm2").relu()
                y = net.conv(y, f"{path}/conv2", rate, dilation=rate)
                x = torch.cat([x, y], 1)
            x = transition(net, x, number)
            if number == 1:
                x = F.avg_pool2d(x, 2)
        return net.norm(x, "backbone/norm")

    def branch(net, x, number, rate):
        path = f"head/branch{number}"
        if number > 0:
            x = net.norm(x, f"{path}/norm1")
        x = net.conv(F.relu(x, inplace=True), f"{path}/conv1")
        x = net.norm(x, f"{path}/norm2").relu()
        return net.conv(x, f"{path}/conv2", rate, dilation=rate)

    def reference(net, x):
        x = trunk(net, x)
        for number, rate in enumerate(rates):
            y = branch(net, x, number, rate)
            x = torch.cat([y, x], 1)
        x = net.conv(x, "head/score")
        return F.interpolate(x, size, mode="bilinear", align_corners=aligned)

    model = denseaspp_densenet(
        3, layers=layers, growth=4, first=8, widths=(8, 4), align_corners=aligned
    )
    check(model, reference, size, gradient=not aligned)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (65, 83)], ids=["even", "odd"])
def test_duc(check, size):
    """TuSimple/TuSimple-DUC, networks/resnet.py, network_duc_hdc.py, test/predictor.py.

    The pooling is not padded, epsilon is 1e-6, and the cells' scores are rearranged
    class by class.
    """
    cell, eps = 4, 1e-6
    layers = (  # units of each stage: stride and rate
        ((1, 1),),
        ((2, 1),),
        ((1, 2), (1, 2)),
        ((1, 5), (1, 9)),
    )

    def reference(net, x):
        for index, stride in ((1, 2), (2, 1), (3, 1)):
            x = net.block(x, f"backbone/stem/conv{index}", 1, eps=eps, stride=stride)
        x = F.max_pool2d(x, 3, 2)
        for stage, units in enumerate(layers, start=1):
            for index, (stride, rate) in enumerate(units):
                path = f"backbone/layer{stage}_{index}"
                x = net.bottleneck(x, path, stride, rate, "conv1", eps)
        x = sum(
            net.conv(x, f"head/scores/branch{i}", rate, dilation=rate)
            for i, rate in enumerate((6, 12, 18, 24))
        )
        rows, columns = x.shape[2:]
        x = x.reshape(-1, 3, cell, cell, rows, columns).permute(0, 1, 4, 2, 5, 3)
        x = x.reshape(-1, 3, cell * rows, cell * columns)
        return F.interpolate(x, size, mode="bilinear", align_corners=False)

    model = duc_hdc_resnet(
        3,
        plan="release",
        width=4,
        blocks=(1, 1, 2, 2),
        pool_padding=0,
        style=BlockConfig(epsilon=eps),
    )
    check(model, reference, size, gradient=True)
