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
    "efficientnet": lambda os: EfficientNet(os, 0.25, lite=True),
    "efficientnet_symmetric": lambda os: EfficientNet(
        os, 0.25, lite=True, padding="symmetric"
    ),
    "xception": lambda os: Xception(41, os, (1, 2, 4), 1 / 32, middle=1),
}


def features(backbone, variables):
    image = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    return jax.device_get(jax.jit(backbone.apply)(variables, image))


def gap(dense, strided, factor):
    """Largest difference over the standard deviation of the strided features."""
    dense = dense[:, ::factor, ::factor]
    assert dense.shape == strided.shape
    assert strided.shape[1] >= 2 and strided.std() > 0
    return np.abs(dense - strided).max() / strided.std()


def check(make, strides, fill, *, tolerance=1e-4):
    variables = fill(make(strides[0]), SHAPE)
    found = {os: features(make(os), variables)["c5"] for os in strides}
    for fine in strides:
        for coarse in strides:
            if fine < coarse:
                assert gap(found[fine], found[coarse], coarse // fine) < tolerance


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_every_stride_pair_agrees(name, fill):
    check(FAST[name], (8, 16, 32), fill)


@pytest.mark.parametrize("variant", ["c26", "d22"])
def test_drn_agrees_at_the_strides_it_has(variant, fill):
    check(lambda os: DRN(variant, os, 2), (4, 8), fill)


@pytest.mark.slow
def test_parameters_do_not_know_the_output_stride():
    image = jax.ShapeDtypeStruct(SHAPE, np.float32)
    for make in FAST.values():
        shapes = [
            jax.eval_shape(
                lambda x, os=os, make=make: make(os).init(jax.random.key(0), x), image
            )
            for os in (8, 32)
        ]
        assert shapes[0] == shapes[1]


@pytest.mark.slow
def test_a_rate_one_layer_early_is_noticed(fill):
    """torchvision's dilated MobileNet v3 and DRN-A are not exact, and the test sees it."""
    eager = lambda os: MobileNetV3(
        "large", os, 0.25, eager_rate=os < 32, squeeze_excite=False
    )
    with pytest.raises(AssertionError):
        check(eager, (16, 32), fill, tolerance=1e-2)
    with pytest.raises(AssertionError):
        check(lambda os: DRNA(18, os, 4), (8, 32), fill, tolerance=1e-2)


def test_plain_plan_of_hdc_is_the_caffe_resnet(fill):
    small = {"width": 4, "blocks": (1, 1, 2, 2)}
    ours = HDCResNet(50, 8, "uniform", **small)
    resnet = create_resnet(50, 8, stem="beta", stride_in="conv1", **small)
    variables = fill(ours, SHAPE)
    got, want = features(ours, variables)["c5"], features(resnet, variables)["c5"]
    np.testing.assert_array_equal(got, want)


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
