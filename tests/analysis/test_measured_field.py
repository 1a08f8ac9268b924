"""Every backbone: the gradient's support is exactly what the jaxpr says.

Weights are positive and the inputs too, so no path cancels and no unit is dead. Three
kinds: a window that moves with the position (convolutions), the whole image behind a
gate that reads its mean, the whole image because every token reads every other.
"""

import importlib
import inspect
import pkgutil

import jax
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import backbones
from jaxseg.analysis.atrous.effective_field import support
from jaxseg.analysis.jaxpr.dependence import reach
from jaxseg.analysis.jaxpr.field_size import extent
from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.convnext import ConvNeXt
from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.densenet import DenseNet
from jaxseg.backbones.drn import DRN, DRNA
from jaxseg.backbones.efficientnet import EfficientNet
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.hdc import HDCResNet
from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.mit import MixTransformer
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.multilevel import MultiLevelBackbone, RescalingNeck
from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.resnet_variant import ResNetVariant
from jaxseg.backbones.se_resnet import SEResNet
from jaxseg.backbones.swin import Swin
from jaxseg.backbones.vgg import VGG
from jaxseg.backbones.vit import ViT
from jaxseg.backbones.wide_resnet38 import WideResNet38
from jaxseg.backbones.xception import Xception
from jaxseg.backbones.xception39 import Xception39
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Pyramid
from tests.tiers import tiered

LAX = BlockConfig(impl="lax")
CONV1, LAST = ResNetVariant(stride_in="conv1"), ResNetVariant(stride_in="last")
SMALL = {"width": 2, "blocks": (1, 1, 1, 1), "style": LAX}
NARROW = {"channels": (2, 2, 4, 4, 4), "style": LAX}
HR = {"width": 2, "stem": 4, "first_blocks": 1, "first_features": 2, "blocks": 1}
# image height, width; the field must leave room along the rows
BACKBONES = {
    "resnet": (ResNet(50, 8, **SMALL), (161, 97)),
    "vgg": (VGG(16, **NARROW), (449, 65)),
    "deeplab_vgg": (DeepLabVGG(**NARROW), (321, 65)),
    "alexnet": (AlexNet(output_stride=8, width=1 / 32, style=LAX), (257, 97)),
    "densenet": (
        DenseNet(output_stride=8, layers=(1, 1, 1, 1), growth=2, first=4, style=LAX),
        (193, 97),
    ),
    "mobilenetv2": (MobileNetV2(8, 0.125, style=LAX), (513, 65)),
    "xception39": (Xception39(2, (2, 2, 2), (1, 1, 1), LAX), (513, 65)),
    "drn": (DRN("d22", width=1, style=LAX), (561, 65)),
    "drn_a": (DRNA(18, width=2, style=LAX), (449, 65)),
    "googlenet": (GoogLeNet(output_stride=8, width=1 / 16, style=LAX), (961, 65)),
    "hdc": (HDCResNet(50, rates=((1, 2), (5,)), **SMALL), (321, 97)),
    "hrnet": (HRNet(modules=(1, 1, 1), style=LAX, **HR), (769, 65)),
    "xception": (Xception(41, 8, (1, 2, 4), 1 / 64, middle=1, style=LAX), (961, 65)),
    "wide_resnet38": (
        WideResNet38(1, blocks=(1, 1, 1, 1, 1, 1), style=LAX),
        (257, 65),
    ),
}
WHOLE_IMAGE = {  # gates from the image's mean
    "se_resnet": (SEResNet(50, 8, **SMALL), (65, 65)),
    "mobilenetv3": (MobileNetV3("small", 8, 0.125, style=LAX), (65, 65)),
}
LITE = EfficientNet(width=0.1, depth=0.1, lite=True, style=LAX)
GATED = EfficientNet(width=0.1, depth=0.1, style=LAX)
ONES = (1, 1, 1, 1)
RANDOM = {  # Layer normalization cancels averaging weights. (network, level, whole)
    "convnext": (ConvNeXt((4, 4, 4, 4), ONES, 8, style=LAX), (385, 65), "c5", False),
    "efficientnet": (GATED, (65, 65), "c5", True),
    "efficientnet_lite": (LITE, (577, 65), "c5", False),
    "mit": (
        MixTransformer((4, 4, 8, 8), ONES, heads=(1, 1, 2, 2), style=LAX),
        (65, 65), "c5", True,
    ),
    "swin": (
        Swin(4, (2, 2, 2, 2), (1, 1, 2, 2), window=2, style=LAX),
        (129, 65), "c3", False,
    ),
}  # fmt: skip
GOLDEN = {  # published structures: size of the field of c5
    "xception41": (Xception(41, 16, width=1 / 64, style=LAX), 1147),
    "xception65": (Xception(65, 16, width=1 / 64, style=LAX), 1915),
    "xception71": (Xception(71, 16, width=1 / 64, style=LAX), 1987),
    "drn_c26": (DRN("c26", width=1, style=LAX), 581),
    "drn_c42": (DRN("c42", width=1, style=LAX), 1045),
    "drn_c58": (DRN("c58", width=1, style=LAX), 573),
    "drn_d54": (DRN("d54", width=1, style=LAX), 519),
    "drn_d105": (DRN("d105", width=1, style=LAX), 1063),
    "hdc": (HDCResNet(101, 8, "release", width=2, style=LAX), 2103),
    "dilated": (HDCResNet(101, 8, "uniform", width=2, style=LAX), 1031),
    "undilated": (HDCResNet(101, 8, "none", width=2, style=LAX), 519),
    "resnet101_caffe": (ResNet(101, 8, CONV1, width=2, style=LAX), 1027),
    "resnet101_slim": (ResNet(101, 16, LAST, width=2, style=LAX), 1027),
    "googlenet_caffe": (GoogLeNet("caffe", width=1 / 16, style=LAX), 715),
    "alexnet": (AlexNet(width=1 / 16, style=LAX), 195),
}


def positive(fill, model, shape):
    """Averaging weights, identity normalization: activations stay of order 1."""

    def change(path, leaf):
        name = path[-1].key
        if name == "kernel":
            leaf = np.abs(leaf) + 0.01
            return (leaf / leaf.sum((0, 1, 2))).astype(np.float32)
        return np.full_like(leaf, {"scale": 1, "var": 1}.get(name, 0))

    return jax.tree_util.tree_map_with_path(change, fill(model, shape))


def inputs(size):
    """Positive images: noise, and ramps, which decide who wins in max pooling."""
    random = np.random.default_rng(0)
    images = random.uniform(0.5, 1, (8, *size, 3)).astype(np.float32)
    ramp = np.linspace(0, 2, max(size), dtype=np.float32)
    images[0] += ramp[: size[0], None, None]
    images[1] += ramp[: size[0], None, None][::-1]
    images[2] += ramp[: size[1], None]
    images[3] += ramp[: size[1], None][::-1]
    return images * 0.01  # far from where ReLU6 saturates


def both(model, size, fill):
    """`Reach` of c5, and the gradient's support at the middle of c5, with its place."""
    images = inputs(size)
    variables = positive(fill, model, images.shape)
    apply = lambda x, v: model.apply(v, x)["c5"]
    found = reach(apply, images, variables)
    place = tuple(len(mask) // 2 for mask in (found.rows.mask, found.columns.mask))
    return found, support(lambda x: apply(x, variables), images, place), place


def check(model, size, fill):
    found, seen, (row, column) = both(model, size, fill)
    assert found.loose == ()
    np.testing.assert_array_equal(seen.any(1), found.rows.mask[row])
    assert not (seen.any(0) & ~found.columns.mask[column]).any()
    return found


# The others are made of the same parts: VGG of those of DeepLab's VGG, DRN-A of those
# of DRN, Xception of those of Xception-39, MobileNet v2 of those of EfficientNet, whose
# random weights are below. Of GoogLeNet and Xception, the published sizes are below.
USUAL_BACKBONES = BACKBONES.keys() - {
    "drn_a",
    "googlenet",
    "mobilenetv2",
    "vgg",
    "xception",
}


@pytest.mark.parametrize("name", tiered(BACKBONES, USUAL_BACKBONES))
def test_support_is_the_field(name, fill):
    model, size = BACKBONES[name]
    found = check(model, size, fill)
    middle = found.rows.mask[len(found.rows.mask) // 2]
    assert not extent(found.rows).clipped
    assert not middle[0] and not middle[-1]


# One depth of each structure; the others only have more of the same units.
USUAL = ("alexnet", "drn_c26", "drn_d54", "googlenet_caffe", "hdc", "resnet101_caffe")


@pytest.mark.parametrize("name", tiered(GOLDEN, (*USUAL, "xception41")))
def test_published_sizes(name):
    model, size = GOLDEN[name]
    image = jax.ShapeDtypeStruct((1, size + 225, 65, 3), np.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    variables = jax.eval_shape(model.init, key, image)
    found = extent(reach(lambda x, v: model.apply(v, x)["c5"], image, variables).rows)
    assert (found.size, found.clipped) == (size, False)


# The gates of MobileNet v3 are those of SE-ResNet.
@pytest.mark.parametrize("name", tiered(WHOLE_IMAGE, ["se_resnet"]))
def test_gates_see_the_whole_image(name, fill):
    found = check(*WHOLE_IMAGE[name], fill)
    assert found.rows.mask.all() and found.columns.mask.all()


# A gate and attention to the whole image are in other tests: in those of the gates and of
# the tokens.
@pytest.mark.parametrize(
    "name", tiered(RANDOM, RANDOM.keys() - {"efficientnet", "mit"})
)
def test_random_weights_read_the_field(name, fill):
    """With random weights, no path cancels either, except by accident."""
    model, size, level, whole = RANDOM[name]
    images = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    variables = fill(model, images.shape)
    apply = lambda x, v: model.apply(v, x)[level]
    found = reach(apply, images, variables)
    place = tuple(len(mask) // 2 for mask in (found.rows.mask, found.columns.mask))
    seen = support(lambda x: apply(x, variables), images, place)
    assert found.loose == () and extent(found.rows).whole == whole
    np.testing.assert_array_equal(seen.any(1), found.rows.mask[place[0]])
    assert not (seen.any(0) & ~found.columns.mask[place[1]]).any()


VIT = {"width": 8, "heads": 2, "image_size": (48, 64), "style": LAX}


@pytest.mark.parametrize("class_token", [True, False])
def test_tokens_see_the_whole_image(class_token, fill):
    """SETR's trunk: from the first layer on every position reads every pixel.

    Random weights: with averaging ones all features of a token would be equal, and
    layer normalization would leave nothing of them.
    """
    model = ViT(1, taps=(0,), drop_class_token=not class_token, **VIT)
    images = np.random.default_rng(0).normal(size=(1, 48, 64, 3)).astype(np.float32)
    variables = fill(model, images.shape)
    apply = lambda x, v: model.apply(v, x)["layer0"]
    found = reach(apply, images, variables)
    assert found.rows.mask.all() and found.columns.mask.all()
    assert extent(found.rows).whole and extent(found.rows).size == 48
    for place in ((0, 0), (1, 2), (2, 3)):
        assert support(lambda x: apply(x, variables), images, place).all()


def test_patches_alone_see_themselves(fill):
    """What the first layer gets: 16 x 16 pixels for each token."""
    model = ViT(1, taps=(0,), **VIT)
    images = np.random.default_rng(0).normal(size=(1, 48, 64, 3)).astype(np.float32)
    variables = fill(model, images.shape)

    def patches(x):
        wanted = lambda m, _: m.name == "patch"
        options = {"capture_intermediates": wanted, "mutable": ["intermediates"]}
        _, state = model.apply(variables, x, **options)
        return state["intermediates"]["patch"]["__call__"][0]

    assert extent(reach(patches, images).rows).size == 16
    seen = support(patches, images, (1, 2))
    assert seen[16:32, 32:48].all() and seen.sum() == 256


def test_every_backbone_is_measured():
    """Each class that a file of jaxseg.backbones hands out as a trunk is above."""
    trunks = set()
    for module in pkgutil.iter_modules(backbones.__path__):
        loaded = importlib.import_module(f"{backbones.__name__}.{module.name}")
        trunks |= {
            value
            for value in vars(loaded).values()
            if inspect.isclass(value)
            and issubclass(value, nn.Module)
            and value.__module__ == loaded.__name__
            and inspect.signature(value.__call__).return_annotation == Pyramid
        }
    listed = (*BACKBONES.values(), *WHOLE_IMAGE.values(), *RANDOM.values())
    necks = {MultiLevelBackbone, RescalingNeck}  # on a ViT, which sees the whole image
    assert trunks == {type(model) for model, *_ in listed} | {ViT} | necks
    assert len(trunks) >= 21
