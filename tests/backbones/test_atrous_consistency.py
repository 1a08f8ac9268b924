"""Dense features, subsampled, are the strided network's: every backbone and stride pair.

The image is even in height and odd in width, so that both parities are seen at once.
"""

import jax
import numpy as np
import pytest

from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.convnext import ConvNeXt
from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.densenet import DenseNet
from jaxseg.backbones.drn import DRN, DRNA
from jaxseg.backbones.efficientnet import EfficientNet
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.hdc import HDCResNet, hdc_rates
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.xception import Xception
from tests.tiers import tiered

SHAPE = (1, 96, 129, 3)
DENSE = {"layers": (1, 2, 2, 1), "growth": 4, "first": 8}
VGG = {"channels": (4, 4, 8, 8, 8), "atrous_pooling": True}

FAST = {
    "alexnet": lambda os: AlexNet(output_stride=os, width=1 / 16),
    "caffenet": lambda os: AlexNet("caffe", os, first_padding=8, width=1 / 16),
    "googlenet": lambda os: GoogLeNet(output_stride=os, width=1 / 16),
    "googlenet_caffe": lambda os: GoogLeNet("caffe", os, width=1 / 16),
    "convnext": lambda os: ConvNeXt((4, 8, 8, 16), (1, 1, 2, 1), os),
    "densenet": lambda os: DenseNet(output_stride=os, **DENSE),
    "deeplab_vgg": lambda os: DeepLabVGG(output_stride=os, **VGG),
    "mobilenetv2": lambda os: MobileNetV2(os, 0.25),
    "mobilenetv3": lambda os: MobileNetV3("large", os, 0.25, squeeze_excite=False),
    "efficientnet": lambda os: EfficientNet(os, 0.25, depth=0.5, lite=True),
    "efficientnet_symmetric": lambda os: EfficientNet(
        os, 0.25, depth=0.5, lite=True, padding="symmetric"
    ),
    "xception": lambda os: Xception(41, os, (1, 2, 4), 1 / 32, middle=1),
}


# The others repeat one of these: the plan and the blocks of MobileNet v3 and of
# EfficientNet with symmetric padding are those of MobileNet v2, and GoogLeNet has the
# blocks of its Caffe form, whose poolings are harder.
USUAL = FAST.keys() - {"efficientnet_symmetric", "googlenet", "mobilenetv3"}


def features(backbones, variables):
    """Map c5 of each of the named backbones, with the same variables, by one program."""
    image = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    run = lambda v, x: {name: net.apply(v, x)["c5"] for name, net in backbones.items()}
    return jax.device_get(jax.jit(run)(variables, image))


def shapes_of(backbone):
    image = jax.ShapeDtypeStruct(SHAPE, np.float32)
    shapes = jax.eval_shape(backbone.init, jax.random.key(0), image)
    return jax.tree.map(lambda leaf: leaf.shape, shapes)


def gap(dense, strided, factor):
    """Largest difference over the standard deviation of the strided features."""
    dense = dense[:, ::factor, ::factor]
    assert dense.shape == strided.shape
    assert strided.shape[1] >= 2 and strided.std() > 0
    return np.abs(dense - strided).max() / strided.std()


def check(make, strides, fill):
    variables = fill(make(strides[0]), SHAPE)
    assert jax.tree.map(np.shape, variables) == shapes_of(make(strides[-1]))
    found = features({os: make(os) for os in strides}, variables)
    for fine in strides:
        for coarse in strides:
            if fine < coarse:
                assert gap(found[fine], found[coarse], coarse // fine) < 1e-4


@pytest.mark.parametrize("name", tiered(FAST, USUAL))
def test_every_stride_pair_agrees_with_the_same_parameters(name, fill):
    check(FAST[name], (8, 16, 32), fill)


@pytest.mark.parametrize("variant", ["c26", "d22"])
def test_drn_agrees_at_the_strides_it_has(variant, fill):
    check(lambda os: DRN(variant, os, 2), (4, 8), fill)


@pytest.mark.slow
def test_a_rate_one_layer_early_is_noticed(fill):
    """torchvision's dilated MobileNet v3 and DRN-A are not exact, and the test sees it."""
    eager = lambda os: MobileNetV3(
        "small", os, 0.25, eager_rate=os < 32, squeeze_excite=False
    )
    for make, strides in ((eager, (16, 32)), (lambda os: DRNA(18, os, 4), (8, 32))):
        nets = {os: make(os) for os in strides}
        found = features(nets, fill(nets[strides[0]], SHAPE))
        fine, coarse = strides
        assert gap(found[fine], found[coarse], coarse // fine) >= 1e-2


def test_plain_plan_of_hdc_is_the_caffe_resnet(fill):
    small = {"width": 4, "blocks": (1, 1, 2, 2)}
    ours = HDCResNet(50, 8, "uniform", **small)
    resnet = create_resnet(50, 8, stem="beta", stride_in="conv1", **small)
    variables = fill(ours, SHAPE)
    found = features({"ours": ours, "resnet": resnet}, variables)
    np.testing.assert_array_equal(found["ours"], found["resnet"])


def test_hdc_plans():
    code = (2, 2, 5, 9, *(1, 2, 5, 9) * 4, 1, 2, 5)
    assert hdc_rates("release", 23, 4) == code
    assert hdc_rates("bigger", 23, 4) == (1, *code[1:])
    assert hdc_rates("bigger", 3, 5) == (5, 9, 17)
    assert hdc_rates("rf", 23, 4) == (*(1, 2, 3) * 7, 2, 2)
    assert hdc_rates("conv", 3, 5) == (2, 1, 2)
    assert hdc_rates("none", 3, 5) == (1, 1, 1) and hdc_rates("uniform", 2, 5) == (4, 4)
    with pytest.raises(ValueError, match="plan='wide'"):
        hdc_rates("wide", 3, 4)


def test_drn_refuses_strides_it_does_not_have(fill):
    with pytest.raises(ValueError, match="output_stride=16"):
        fill(DRN("d22", 16, 2), SHAPE)
