"""Lists all backbones by name.

To add a backbone, write a file in this folder and add one entry to this module. `python
-m jaxseg.lab.backbone_table NAME` then adds the backbone to the table that
`jaxseg models --backbones` prints, and `python -m jaxseg.lab.family_table` adds it to
the families with which it can be combined.
"""

from functools import partial

from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.convnext import ENTRIES as CONVNEXTS
from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.densenet import DEPTHS, DenseNet
from jaxseg.backbones.dinov2 import ENTRIES as DINOV2
from jaxseg.backbones.dinov3 import ENTRIES as DINOV3
from jaxseg.backbones.drn import DRN, DRNA, VARIANTS
from jaxseg.backbones.efficientnet import ENTRIES as EFFICIENTNETS
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.hdc import HDCResNet
from jaxseg.backbones.hrnet import SMALL, HRNet
from jaxseg.backbones.mit import SIZES, MixTransformer
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import BLOCKS, create_resnet
from jaxseg.backbones.se_resnet import SEResNet
from jaxseg.backbones.swin import ENTRIES as SWINS
from jaxseg.backbones.vgg import VGG
from jaxseg.backbones.vit import vit_pyramid
from jaxseg.backbones.wide_resnet38 import WideResNet38
from jaxseg.backbones.xception import Xception
from jaxseg.backbones.xception39 import Xception39

_FIVE = (("c1", 2), ("c2", 4), ("c3", 8), ("c4", 16), ("c5", 32))
_EIGHT = (("c1", 2), ("c2", 4), ("c3", 8), ("c4", 8), ("c5", 8))
_PLAIN = tuple(("c" + str(level), 16) for level in (2, 3, 4, 5))
_ANY = (2, 4, 8, 16, 32)  # All strides of five halvings.

# Suffix of the name: (variant of ResNet, depths, libraries with ImageNet weights).
_DEEP = (50, 101, 152)
_RESNETS = {
    "": ("torchvision", tuple(BLOCKS), ("torchvision", "timm")),
    "_caffe": ("caffe", _DEEP, ()),
    "_slim": ("slim", _DEEP, ()),
    "_beta": ("beta", _DEEP, ()),
    "_timm": ("timm", tuple(BLOCKS), ("timm",)),
    "_smp": ("smp", tuple(BLOCKS), ("torchvision", "timm")),
    "_mmseg": ("mmseg", tuple(BLOCKS), ("mmsegmentation", "timm")),
}
# Name: (layers, channels, attention heads).
_VITS = {
    "vitti16": (12, 192, 3),
    "vits16": (12, 384, 6),
    "vitb16": (12, 768, 12),
    "vitl16": (24, 1024, 16),
}

BACKBONES: dict[str, Backbone] = {
    **{
        f"resnet{depth}{suffix}": Backbone(
            partial(create_resnet, depth=depth, variant=variant),
            levels=_FIVE,
            output_strides=(4, 8, 16, 32),
            weights=weights,
        )
        for suffix, (variant, depths, weights) in _RESNETS.items()
        for depth in depths
    },
    **{
        f"seresnet{depth}": Backbone(
            partial(SEResNet, depth=depth),
            levels=_FIVE,
            output_strides=(4, 8, 16, 32),
            weights=("timm",),
        )
        for depth in _DEEP
    },
    **{
        f"hdc_resnet{depth}": Backbone(
            partial(HDCResNet, depth=depth), _FIVE, (8, 16, 32)
        )
        for depth in _DEEP
    },
    **{
        f"hrnet_w{width}": Backbone(
            partial(HRNet, width=width),
            levels=_FIVE[1:],
            output_strides=(32,),
            weights=("timm", "mmsegmentation"),
        )
        for width in (18, 32, 48)
    },
    **{
        f"hrnet_{version}": Backbone(
            partial(HRNet, **fields),
            levels=_FIVE[1:],
            output_strides=(32,),
            weights=("timm",),
        )
        for version, fields in SMALL.items()
    },
    **{
        f"xception{depth}": Backbone(
            partial(Xception, depth=depth),
            levels=_FIVE,
            output_strides=_ANY,
            weights=("timm",),
        )
        for depth in (41, 65, 71)
    },
    "xception39": Backbone(Xception39, _FIVE, (32,)),
    "mobilenetv2": Backbone(
        MobileNetV2, levels=_FIVE, output_strides=_ANY, weights=("torchvision", "timm")
    ),
    **{
        f"mobilenetv3_{size}": Backbone(
            partial(MobileNetV3, size=size),
            levels=_FIVE,
            output_strides=_ANY,
            weights=("torchvision", "timm"),
        )
        for size in ("large", "small")
    },
    **EFFICIENTNETS,
    **{
        f"vgg{depth}{'_bn' if norm else ''}": Backbone(
            partial(VGG, depth=depth, batch_norm=norm),
            levels=_FIVE,
            output_strides=(8, 16, 32),
            weights=("torchvision", "timm"),
        )
        for depth in (16, 19)
        for norm in (False, True)
    },
    "deeplab_vgg16": Backbone(
        partial(DeepLabVGG, average=False),
        levels=_FIVE,
        output_strides=(8, 16, 32),
        weights=("torchvision",),
    ),
    "alexnet": Backbone(
        AlexNet,
        levels=_FIVE[1:],
        output_strides=(4, 8, 16, 32),
        weights=("torchvision",),
    ),
    "googlenet": Backbone(
        GoogLeNet, levels=_FIVE, output_strides=_ANY, weights=("torchvision",)
    ),
    **{
        f"densenet{depth}": Backbone(
            partial(DenseNet, depth=depth),
            levels=_FIVE,
            output_strides=_ANY,
            weights=("torchvision",),
        )
        for depth in DEPTHS
    },
    **{
        f"drn_a{depth}": Backbone(partial(DRNA, depth=depth), _FIVE, (8, 16, 32))
        for depth in (18, 34, 50, 101)
    },
    **{
        f"drn_{variant}": Backbone(partial(DRN, variant=variant), _EIGHT, (1, 2, 4, 8))
        for variant in VARIANTS
    },
    **{
        name: Backbone(
            partial(MixTransformer, channels=channels, blocks=blocks),
            levels=_FIVE[1:],
            output_strides=(32,),
            weights=("segmentation_models.pytorch", "mmsegmentation", "transformers"),
        )
        for name, (channels, blocks) in SIZES.items()
    },
    **CONVNEXTS,
    **SWINS,
    "wideresnet38": Backbone(WideResNet38, (("c0", 1), *_EIGHT, ("c6", 8)), (8,)),
    **{
        name: Backbone(
            partial(vit_pyramid, depth=depth, width=width, heads=heads),
            levels=_PLAIN,
            output_strides=(16,),
            weights=("timm", "torchvision"),
            patch=16,
        )
        for name, (depth, width, heads) in _VITS.items()
    },
    **DINOV2,
    **DINOV3,
}
