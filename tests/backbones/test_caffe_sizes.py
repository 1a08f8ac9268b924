"""Caffe rounds up when it pools: sizes of every trunk that descends from it."""

import jax
import numpy as np
import pytest

from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.vgg import VGG

VGG_WIDTHS = {"channels": (2, 2, 2, 2, 2)}
RESNET = {"width": 4, "blocks": (1, 1, 1, 1)}
# window, stride and padding of the poolings, behind the stride of the first convolution
DEEPLAB = (1, [(3, 2, 1)] * 3)
CASES = {
    "deeplab_vgg": (DeepLabVGG(**VGG_WIDTHS), DEEPLAB),
    "deeplab_vgg_v2": (DeepLabVGG(average=False, **VGG_WIDTHS), DEEPLAB),
    "deeplab_resnet": (
        create_resnet(50, 8, ceil=True, **RESNET),
        (2, [(3, 2, 1)]),
        "c2",
    ),
    "fcn_vgg": (VGG(ceil=True, **VGG_WIDTHS), (1, [(2, 2, 0)] * 5)),
    "caffenet": (AlexNet("caffe", width=1 / 16), (None, [(3, 2, 0)] * 3)),
    "googlenet": (GoogLeNet("caffe", width=1 / 16), (2, [(3, 2, 0)] * 4)),
}


def caffe_cells(pixels, first, pools):
    """Cells that Caffe's pooling layers leave of an axis, by its source code."""
    if first is None:  # CaffeNet: an unpadded 11x11 convolution of stride 4
        pixels = (pixels - 11) // 4 + 1
    elif first == 2:
        pixels = (pixels - 1) // 2 + 1
    for window, stride, padding in pools:
        cells = -(-(pixels + 2 * padding - window) // stride) + 1
        if padding and (cells - 1) * stride >= pixels + padding:
            cells -= 1
        pixels = cells
    return pixels


def sizes(model, size, tap="c5"):
    image = jax.ShapeDtypeStruct((1, *size, 3), np.float32)
    run = lambda x: model.init_with_output(jax.random.key(0), x)[0]
    return jax.eval_shape(run, image)[tap].shape[1:3]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [(320, 321), (322, 324), (326, 327), (512, 1024)])
def test_pooling_rounds_up(name, size):
    model, layers, *tap = CASES[name]
    assert sizes(model, size, *tap) == tuple(caffe_cells(n, *layers) for n in size)


@pytest.mark.parametrize(
    ("make", "cells"),
    [
        (lambda ceil: DeepLabVGG(ceil=ceil, **VGG_WIDTHS), (40, 41)),
        (lambda ceil: create_resnet(50, 8, ceil=ceil, **RESNET), (40, 41)),
    ],
    ids=["vgg", "resnet"],
)
def test_a_stored_run_can_keep_rounding_down(make, cells):
    assert sizes(make(False), (320, 321)) == cells
    assert sizes(make(True), (320, 321)) == (41, 41)
