"""FCN, SegNet, DeconvNet and the unpadded U-Net rebuilt from torch's layers: values and gradients.

Each reference is written out from the paper's layer table and reads our parameters by
name; wiring, sizes, positions of maxima and offsets are torch's own. The gradient is
that of a random projection of the logits with respect to the image.
"""

import pytest

from jaxseg.models.deconvnet import deconvnet
from jaxseg.models.fcn import fcn8s_vgg16, fcn16s_vgg16, fcn32s_vgg16
from jaxseg.models.fcn32s import fcn32s_alexnet
from jaxseg.models.segnet import segnet, segnet_basic
from jaxseg.models.unet_valid import unet_caffe, unet_valid

LAYERS = pytest.importorskip(
    "tests.parity.torch_layers", reason="needs torch: pip install jaxseg[parity]"
)
torch, F, Weights = LAYERS.torch, LAYERS.F, LAYERS.Weights
VGG = (2, 2, 3, 3, 3)


@pytest.fixture
def check(fill):
    def run(model, reference, size, channels=3, **options):
        variables = fill(model, (1, 64, 64, channels))
        LAYERS.compare(model, variables, reference, size, channels, **options)

    return run


def pool_down(net, x, names):
    """VGG stages with ceil-mode pooling; indices and sizes for the way back."""
    places = []
    for level, count in enumerate(VGG, start=1):
        for i in range(1, count + 1):
            x = net.block(x, names.format(level, i))
        size = x.shape[2:]
        x, index = F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
        places.append((index, size))
    return x, places


def unpool_up(net, x, places, names, last):
    """Unpooling and convolutions; the first level has `last` of them."""
    for level in range(5, 0, -1):
        index, size = places[level - 1]
        x = F.max_unpool2d(x, index, 2, output_size=size)
        for i in range(1, (VGG[level - 1] if level > 1 else last) + 1):
            x = net.block(x, names.format(level, i))
    return x


@pytest.mark.parametrize("size", [(45, 83), (64, 96)], ids=["odd", "even"])
def test_segnet(check, size):
    """alexgkendall/SegNet-Tutorial, Models/segnet_train.prototxt."""

    def reference(net, x):
        x, places = pool_down(net, x, "enc{}_{}")
        x = unpool_up(net, x, places, "dec{}_{}", 1)
        return net.conv(x, "classifier", 1)

    check(segnet(3, width=4), reference, size, gradient=size[0] % 2 == 1)


def test_segnet_basic(check):
    """alexgkendall/SegNet-Tutorial, Models/segnet_basic_train.prototxt."""

    def reference(net, x):
        mean = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
        x = F.local_response_norm(255 * (x * std + mean), 5, 1e-4, 0.75, 1.0)
        places = []
        for level in (1, 2, 3, 4):
            x = net.block(x, f"enc{level}", 3)
            size = x.shape[2:]
            x, index = F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
            places.append((index, size))
        for level in (4, 3, 2, 1):
            index, size = places[level - 1]
            x = F.max_unpool2d(x, index, 2, output_size=size)
            x = net.block(x, f"dec{level}", 3, act=False)
        return net.conv(x, "classifier")

    check(segnet_basic(3, width=4), reference, (45, 60))


@pytest.mark.parametrize(
    "size",
    [
        (64, 97),
        pytest.param((224, 224), marks=pytest.mark.slow),
        (230, 257),
    ],
    ids=["padded", "released", "sliding"],
)
def test_deconvnet(check, size):
    """HyeonwooNoh/DeconvNet, training/002_stage_2/stage_2_train.prototxt at 224."""

    def reference(net, x):
        x, places = pool_down(net, x, "conv{}_{}")
        rows, columns = x.shape[2:]
        x = F.pad(x, (0, max(0, 7 - columns), 0, max(0, 7 - rows)))
        x = net.block(x, "bottleneck/fc6", 0)
        x = net.block(x, "bottleneck/fc7", 0)
        x = net.up(x, "bottleneck/fc6_deconv", 1)
        x = net.norm(x, "bottleneck/fc6_deconv_norm").relu()[:, :, :rows, :columns]
        x = unpool_up(net, x, places, "deconv{}_{}", 2)
        return net.conv(x, "classifier")

    model = deconvnet(3, width=2, fc_width=6)
    check(model, reference, size, gradient=size != (224, 224))


@pytest.mark.parametrize("make", [unet_valid, unet_caffe])
def test_unet_valid(check, make):
    def pair(net, x, path):
        x = net.conv(x, f"{path}/conv1").relu()
        return net.conv(x, f"{path}/conv2").relu()

    def reference(net, x):
        height, width = x.shape[2:]
        # 16 k + 12 pixels in, 184 fewer out
        rows, columns = (-(-(n + 172) // 16) * 16 + 12 - n for n in (height, width))
        x = F.pad(x, (92, columns - 92, 92, rows - 92), mode="reflect")
        skips = []
        for level in range(4):
            skips.append(pair(net, x, f"down{level}"))
            x = F.max_pool2d(skips[-1], 2)
        x = pair(net, x, "down4")
        for level, cut in zip((3, 2, 1, 0), (4, 16, 40, 88), strict=True):
            x = net.up(x, f"up{level}_conv", 2).relu()
            skip = skips[level][:, :, cut:-cut, cut:-cut]
            x = pair(net, torch.cat([skip, x], 1), f"up{level}")
        return net.conv(x, "classifier")[:, :, :height, :width]

    check(make(2, width=3), reference, (110, 131), channels=1)


def bilinear(x, factor, kernel, crop, size):
    center = (kernel - 1) / 2
    half = (kernel + 1) // 2
    profile = 1 - (torch.arange(kernel) - center).abs() / half
    weight = (profile[:, None] * profile).expand(x.shape[1], 1, -1, -1)
    x = F.conv_transpose2d(x, weight, stride=factor, groups=x.shape[1])
    return x[:, :, crop : crop + size[0], crop : crop + size[1]]


@pytest.mark.parametrize("stride", [32, 16, 8])
@pytest.mark.parametrize("form", ["pad100", "same"])
def test_fcn_vgg16(check, stride, form):
    wide = form == "pad100"

    def reference(net, x):
        image, pools = x, []
        for level, count in enumerate(VGG, start=1):
            for i in range(1, count + 1):
                padding = 100 if wide and level == i == 1 else 1
                x = net.conv(x, f"backbone/conv{level}_{i}", padding).relu()
            x = F.max_pool2d(x, 2, ceil_mode=True)
            pools.append(x)
        x = net.conv(x, "fc6/conv", 0 if wide else 3).relu()
        x = net.conv(net.conv(x, "fc7/conv").relu(), "score_fr")
        for name, pool, at in (("16s", pools[3], 5), ("8s", pools[2], 9)):
            if int(name[:-1]) < stride:
                break
            skip = net.conv(pool, f"score_{name}")
            if wide:
                size = [2 * n + 2 for n in x.shape[2:]]
                skip = skip[:, :, at : at + size[0], at : at + size[1]]
            x = bilinear(x, 2, 4, 0 if wide else 1, skip.shape[2:]) + skip
        crop = {32: 19, 16: 27, 8: 31}[stride] if wide else stride // 2
        return bilinear(x, stride, 2 * stride, crop, image.shape[2:])

    make = {32: fcn32s_vgg16, 16: fcn16s_vgg16, 8: fcn8s_vgg16}[stride]
    check(make(3, form=form, width=3, fc_width=8), reference, (65, 97))


def test_fcn_alexnet(check):
    def reference(net, x):
        size = x.shape[2:]
        pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
        normalize = lambda x: F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)
        x = net.conv(x, "backbone/conv1", 100, stride=4).relu()
        x = net.conv(normalize(pool(x)), "backbone/conv2", 2, groups=2).relu()
        x = net.conv(normalize(pool(x)), "backbone/conv3", 1).relu()
        x = net.conv(x, "backbone/conv4", 1, groups=2).relu()
        x = pool(net.conv(x, "backbone/conv5", 1, groups=2).relu())
        x = net.conv(net.conv(x, "fc6").relu(), "fc7").relu()
        return bilinear(net.conv(x, "score"), 32, 63, 18, size)

    model = fcn32s_alexnet(3, width=1 / 24, fc_width=8)
    check(model, reference, (70, 97))
