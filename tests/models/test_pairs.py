"""Families on backbones by name: fits, refusals, presets that equal a pair."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.models import FAMILIES
from jaxseg.models.families import backbones_for
from jaxseg.nn.block_config import BlockConfig

RESNET = {"width": 4, "blocks": (1, 1, 1, 1)}
HRNET = {
    "width": 4,
    "stem": 4,
    "first_blocks": 1,
    "first_features": 4,
    "blocks": 1,
    "modules": (1, 1, 1),
}
VIT = {"depth": 4, "width": 16, "heads": 2, "image_size": (32, 32)}
TINY = {  # A backbone of each kind with options that make it small.
    "resnet18_mmseg": RESNET,
    "resnet50_caffe": {"width": 4, "blocks": (2, 1, 1, 1)},
    "seresnet50": RESNET,
    "hdc_resnet50": RESNET,
    "hrnet_w18": HRNET,
    "xception41": {"width": 1 / 16, "middle": 1},
    "xception39": {"stem": 2, "mid": (2, 2, 4), "blocks": (1, 1, 1)},
    "mobilenetv2": {"width": 0.25},
    "mobilenetv3_small": {"width": 0.25},
    "efficientnet_b0": {"width": 0.25},
    "efficientnet_lite0": {"width": 0.25},
    "vgg16_bn": {"channels": (2, 2, 4, 4, 16)},
    "deeplab_vgg16": {"channels": (2, 2, 4, 4, 16)},
    "alexnet": {"width": 1 / 32},
    "googlenet": {"width": 1 / 16},
    "densenet121": {"layers": (1, 1, 1, 1), "growth": 4, "first": 8},
    "drn_a18": {"width": 2},
    "drn_d22": {"width": 2},
    "wideresnet38": {"width": 2, "blocks": (1, 1, 1, 1, 1, 1)},
    "vitti16": VIT,
    "convnext_t": {"channels": (4, 8, 12, 16), "blocks": (1, 1, 1, 1)},
    "dinov2_vits14_reg": VIT | {"image_size": (28, 28)},
    "dinov3_vits16plus": {"depth": 4, "width": 16, "heads": 2},
    "swin_t": {"width": 4, "blocks": (2, 1, 1, 1), "heads": (1, 1, 2, 2)},
    "mit_b0": {"channels": (4, 8, 20, 32), "blocks": (1, 1, 1, 1)},
}
SIZE = (65, 97)
NO_PRESET = "resnet18_mmseg"  # a small backbone that no preset has
OTHER = {  # A backbone for each family whose head does not fit that one.
    "cspn": "mobilenetv3_small",
    "dpt": "dinov2_vits14_reg",
    "gscnn": "wideresnet38",
    "setr_mla": "vitti16",
    "unet": "mobilenetv3_small",
    "unetplusplus": "mobilenetv3_small",
}
# The decoder of these is not one head that reads the pyramid alone.
WITHOUT_HEAD = [
    "bisenet",
    "cspn",
    "ginet",
    "gscnn",
    "hrnetv2_ocr",
    "ocrnet",
    "setr_mla",
]


def shapes_of(model, size=SIZE):
    """Shapes of the outputs and of the variables."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    run = lambda key, image: model.init_with_output(key, image, train=False)
    return jax.eval_shape(run, key, image)


shapes_of_backbone = functools.cache(shapes_of)  # many families have the same one


def count(tree):
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def check_pair(family, backbone, options):
    """Logits at the image's resolution; the parameters are those of both parts."""
    model = create_model(family, 5, backbone=backbone, backbone_options=options)
    outputs, variables = shapes_of(model)
    assert outputs["logits"].shape == (1, *SIZE, 5)
    assert outputs["logits"].dtype == jnp.float32
    head, record = FAMILIES[family], BACKBONES[backbone]
    pyramid, own = shapes_of_backbone(record.create(head.stride_on(record), **options))
    params = variables["params"]
    assert count(params["backbone"]) == count(own["params"])
    if family not in WITHOUT_HEAD:
        key = jax.eval_shape(lambda: jax.random.key(0))
        image = jax.ShapeDtypeStruct((1, *SIZE, 3), jnp.float32)
        init = lambda key, maps: model.head.init(key, maps, train=False)
        decoder = jax.eval_shape(init, key, {"c0": image, **pyramid})
        assert count(params["head"]) == count(decoder["params"])


@pytest.mark.slow
@pytest.mark.parametrize("backbone", TINY)
def test_a_head_works_on_every_kind_of_backbone(backbone):
    check_pair("deeplabv3", backbone, TINY[backbone])


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_works_on_a_backbone_without_a_preset(family):
    backbone = OTHER.get(family, NO_PRESET)
    check_pair(family, backbone, TINY[backbone])


def test_families_that_scale_their_rates_take_the_output_stride():
    for name, family in FAMILIES.items():
        options = inspect.signature(family.compose).parameters
        assert family.scales_rates == ("output_stride" in options), name


@pytest.mark.sweep
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_pair_that_fits(family):
    for backbone in set(backbones_for(family)) & set(TINY):
        check_pair(family, backbone, TINY[backbone])


@pytest.mark.sweep
@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_every_backbone_makes_the_pyramid_of_its_record(backbone):
    record = BACKBONES[backbone]
    # Poolings without padding and Caffe's size rule change sizes by a few pixels.
    loose = backbone.startswith(("alexnet", "googlenet", "densenet", "deeplab_vgg"))
    slack = 15 if loose else 1 if backbone.endswith("_caffe") else 0
    for output_stride in record.output_strides:
        pyramid, _ = shapes_of(record.create(output_stride), (256, 256))
        strides = record.strides(output_stride)
        assert set(strides) <= set(pyramid)
        for level, stride in strides.items():
            rows = -(-256 // stride) if record.patch > 1 else 256 // stride
            assert abs(pyramid[level].shape[1] - rows) <= slack, level


EQUAL = {  # preset: (family, backbone, options)
    "deeplabv3_resnet50": ("deeplabv3", "resnet50", {}),
    "deeplabv3_resnet101_beta": (
        "deeplabv3",
        "resnet101_slim",
        {
            "refine": False,
            "output_stride": 16,
            "backbone_options": {"multi_grid": (1, 2, 4)},
        },
    ),
    "deeplabv3plus_resnet50": ("deeplabv3plus", "resnet50", {}),
    "deeplabv3plus_xception65": ("deeplabv3plus", "xception65", {"separable": "full"}),
    "pspnet_resnet101": ("pspnet", "resnet101_beta", {}),
    "fcn_resnet50": ("fcn", "resnet50", {}),
    "fcn_seresnet50": ("se_fcn", "seresnet50", {}),
    "gscnn_wideresnet38": ("gscnn", "wideresnet38", {}),
    "cspn_resnet50": ("cspn", "resnet50", {}),
    "fastfcn_enc_resnet50": ("fastfcn", "resnet50_beta", {"head": "enc"}),
    "refinenet_resnet152": ("refinenet", "resnet152", {}),
    "unet_resnet34": ("unet", "resnet34", {}),
    "unetplusplus_resnet34": ("unetplusplus", "resnet34", {}),
    "hrnet_w18": ("hrnetv2", "hrnet_w18", {}),
    "ocrnet_resnet101": ("ocrnet", "resnet101_beta", {}),
    "danet_resnet50": ("danet", "resnet50", {}),
    "nonlocal_resnet50": ("nonlocal", "resnet50", {}),
    "glore_resnet50": ("glore", "resnet50", {}),
    "gcu_resnet50": ("gcu", "resnet50", {}),
    "ginet_resnet50": ("ginet", "resnet50", {}),
    "duc_hdc_resnet101": ("duc", "hdc_resnet101", {}),
    "bisenet_resnet101": ("bisenet", "resnet101_beta", {}),
    "deeplabv2_resnet101": ("deeplabv2", "resnet101_caffe", {}),
    "denseaspp_densenet121": (
        "denseaspp",
        "densenet121",
        {"backbone_options": {"pooling": "drop", "last_transition": True}},
    ),
}


@pytest.mark.parametrize("preset", EQUAL)
def test_presets_equal_pairs(preset):
    """Modules are equal by value, so that parameters and logits are the same."""
    family, backbone, options = EQUAL[preset]
    pair = create_model(family, 19, backbone=backbone, **options)
    assert pair == create_model(preset, 19)
    assert hash(pair) == hash(create_model(preset, 19))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "family", "backbone", "trunk", "head"),
    [
        pytest.param(
            *("deeplabv3plus_resnet50", "deeplabv3plus", "resnet50", RESNET),
            {"low": 4},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("hrnet_w18", "hrnetv2", "hrnet_w18", HRNET, {}), marks=pytest.mark.slow
        ),
        ("unet_resnet18", "unet", "resnet18", RESNET, {"features": (8, 8, 4, 4, 4)}),
    ],
)
def test_presets_and_pairs_compute_the_same(
    fill, preset, family, backbone, trunk, head
):
    ours = create_model(preset, 5, **trunk, **head)
    pair = create_model(family, 5, backbone=backbone, backbone_options=trunk, **head)
    variables = fill(ours, (1, 64, 64, 3))
    shapes = jax.eval_shape(pair.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    assert jax.tree.map(np.shape, variables) == jax.tree.map(np.shape, shapes)
    image = np.random.default_rng(0).normal(size=(1, 33, 49, 3)).astype(np.float32)
    got, expected = (jax.jit(m.apply)(variables, image)["logits"] for m in (pair, ours))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.slow
def test_a_pair_keeps_its_values_between_output_strides(fill):
    """The dense scores, subsampled, are the strided ones, for a pair with no preset."""

    def scores(output_stride):
        model = create_model(
            "deeplabv2",
            3,
            backbone="mobilenetv2",
            output_stride=output_stride,
            rates=(32 // output_stride,),
            scales=(1.0,),
            backbone_options={"width": 0.25},
            style=BlockConfig(impl="lax"),
        )
        variables = fill(model, (1, 64, 64, 3))
        run = lambda model, x: model.head(model.backbone(x), train=False)
        return np.asarray(jax.jit(nn.apply(run, model))(variables, image))

    image = np.random.default_rng(1).normal(size=(1, 65, 97, 3)).astype(np.float32)
    strided, dense = scores(16), scores(8)
    np.testing.assert_allclose(dense[:, ::2, ::2], strided, atol=1e-4)
    assert np.abs(dense[:, 1::2, 1::2] - strided[:, :4, :6]).max() > 1e-2


@pytest.mark.parametrize(
    ("name", "backbone", "options", "message"),
    [
        (
            "unetplusplus",
            "hrnet_w18",
            {},
            "c1 at stride 2 and .* for unetplusplus, but found no c1 .*that fit: dee",
        ),
        ("deeplabv3plus", "vitb16", {}, "found c2 at stride 16 instead of 4 or finer"),
        (
            "unet",
            "resnet50",
            {"output_stride": 8},
            "found c4 at stride 8 instead of 16",
        ),
        (
            "fcn",
            "hrnet_w18",
            {"output_stride": 8},
            "output_stride=8 is invalid: expected one of 32 with backbone='hrnet_w18'",
        ),
        ("fcn", "resnet5", {}, "Similar names are resnet50"),
        ("deeplabv3plus", None, {}, "such as 'resnet50', or a preset such as"),
        ("deeplabv3plus_resnet50", "vgg16", {}, "name a family instead: deeplabv3plus"),
        ("deeplabv3plos", "resnet50", {}, "Similar names are deeplabv3plus"),
        ("deeplabv2", "vitb16", {}, "padded to multiples of 16"),
        ("upernet", "vitb16", {}, "With neck='multilevel', vitb16 fits"),
        (
            "upernet",
            "vitb16",
            {"neck": "fpn"},
            "neck='fpn' is invalid: expected None or",
        ),
        ("upernet", "swin_t", {"neck": "multilevel"}, "no plain transformer"),
        (
            "dpt",
            "vitb16",
            {"neck": "multilevel"},
            "Without neck=.multilevel., vitb16 fits",
        ),
        (
            "dpt",
            "vitb16",
            {"neck": "multilevel", "output_stride": 32},
            r"No backbone fits dpt with output_stride=32. .* Without "
            r"neck='multilevel' and with output_stride=16, vitb16 fits",
        ),
        (
            "upernet",
            "vitb16",
            {"output_stride": 16},
            r"With neck='multilevel' and with output_stride=32, vitb16 fits\.$",
        ),
        (
            "upernet",
            "vitb16",
            {"output_stride": 32},
            r"one of 16 with .* With neck='multilevel', vitb16 fits\.$",
        ),
        ("upernet", "swin_t", {"neck_features": 8}, "expected None without a neck"),
        (
            "upernet",
            "vitb16",
            {"neck": "multilevel", "neck_features": 0},
            "neck_features=0 is invalid: expected a number of channels of 1 or more",
        ),
        (
            "upernet",
            "vitb16",
            {"neck": "multilevel", "neck_features": True},
            "neck_features=True is invalid: expected a number of channels of 1 or more",
        ),
        ("fcn", "vgg16", {"neck_features": "x"}, "neck_features='x' is invalid"),
        ("upernet", "resnet50", {"aux_tap": "c1"}, "aux_tap='c1' is invalid"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(name, backbone, options, message):
    with pytest.raises(ValueError, match=message) as error:
        create_model(name, 5, backbone=backbone, **options)
    assert "\n" not in str(error.value)


def test_unknown_options_of_both_parts_are_refused():
    pair = {"backbone": "seresnet50"}
    for name, given, message in (
        (
            "se_fcn",
            pair | {"feature": 3},
            "feature=3 is invalid: expected one of the options of 'se_fcn': "
            "backbone_options, features, neck, neck_features, output_stride. Did you "
            "mean 'features' or 'neck_features'?",
        ),
        (
            "se_fcn",
            pair | {"backbone_options": {"wide": 3}},
            "backbone_options={'wide': 3} is invalid: expected one of the options of "
            "'seresnet50': blocks, reduction, width. Did you mean 'width'?",
        ),
        (  # The factory sets `input_norms`, an attribute of the head, itself.
            "upernet",
            pair | {"bin": (1,)},
            "bin=(1,) is invalid: expected one of the options of 'upernet': "
            "align_corners, aux, aux_tap, backbone_options, bins, dropout, features, "
            "neck, neck_features, output_stride, variant. Did you mean 'bins'?",
        ),
        (
            "unet",
            {"neck": "multilevel"},
            "neck='multilevel' is invalid: expected one of the options of 'unet': "
            "depth, up, width. A family has it, such as 'upernet' with "
            "backbone='vitb16'.",
        ),
    ):
        with pytest.raises(TypeError) as error:
            create_model(name, 5, **given)
        assert str(error.value) == message
