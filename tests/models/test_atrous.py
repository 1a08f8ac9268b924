"""Systems of the atrous family: options against counts, strides, scales, taps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.backbones.alexnet import AlexNet, local_response_norm
from jaxseg.backbones.densenet import DenseNet
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.xception import Xception
from jaxseg.models.deeplabv2 import MultiScale
from jaxseg.ops.rescale import rescale
from jaxseg.ops.resize import resize

NARROW = {"width": 4, "blocks": (1, 1, 1, 1)}
V3PLUS = {**NARROW, "features": 8, "low": 4}
# Rows that count what other rows, or the networks of tests/contract, count as well.
repeated = functools.partial(pytest.param, marks=pytest.mark.sweep)


def shapes_of(model, size=(65, 65)):
    image = jax.ShapeDtypeStruct((1, *size, 3), np.float32)
    return jax.eval_shape(lambda x: model.init(jax.random.key(0), x), image)["params"]


def size_of(model, without=()):
    params = {k: v for k, v in shapes_of(model).items() if k not in without}
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize(
    ("name", "classes", "options", "size"),
    [
        ("deeplabv3plus_resnet50", 21, {"separable": "full"}, 26_696_133),
        repeated(
            "deeplabv3plus_resnet50",
            19,
            {"output_stride": 8, "rates": (1, 2, 3)},
            40_351_667,
        ),
        repeated("deeplabv3plus_resnet101", 150, {"stem": "beta"}, 59_501_238),
        ("deeplabv3plus_xception41", 19, {}, 28_108_147),
        repeated("deeplabv3plus_xception65", 21, {"separable": "none"}, 54_711_461),
        ("deeplabv3plus_xception65", 21, {"image_pool": False}, 40_465_077),
        ("deeplabv3_resnet50", 21, {"refine": False}, 39_048_533),
        ("deeplabv3_cascade_resnet50_beta", 21, {"cascade": 0}, 23_674_837),
        ("deeplabv3_mobilenetv2", 21, {"rates": ()}, 2_113_557),
        repeated("deeplabv3_mobilenetv2", 21, {"separable": "full"}, 2_568_021),
        ("lraspp_mobilenetv3", 19, {"features": 256}, 3_469_646),
        repeated("lraspp_mobilenetv3", 19, {"reduced_tail": True}, 1_746_878),
        repeated("lraspp_mobilenetv3", 19, {"size": "small"}, 1_077_646),
        ("lraspp_mobilenetv3", 19, {"size": "small", "reduced_tail": True}, 515_614),
        ("deeplabv1_vgg16", 21, {"fusion": "sum"}, 21_711_550),
        repeated("deeplabv2_resnet101", 21, {"rates": ()}, 42_543_189),
        ("deeplabv2_resnet101", 182, {"scales": (1.0,)}, 55_919_384),
        ("duc_hdc_resnet101", 19, {"cell": 8}, 132_282_048),
    ],
)
def test_option_counts(name, classes, options, size):
    assert size_of(create_model(name, classes, **options)) == size


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        repeated("deeplabv3_resnet50", {"aux": True}, 42_004_074),
        ("deeplabv3_mobilenetv3", {"aux": True}, 11_029_328),
        ("pspnet_resnet50", {}, 49_081_578),
    ],
)
def test_counts_with_the_auxiliary_head(name, options, size):
    assert size_of(create_model(name, 21, **options)) == size


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        repeated(Xception(41), 24_920_560),
        (Xception(71), 40_289_736),
        repeated(MobileNetV2(), 1_811_712),
        (MobileNetV2(last=1280), 2_223_872),
        repeated(MobileNetV3(), 2_971_952),
        repeated(MobileNetV3("small"), 927_008),
        (MobileNetV3(reduced_tail=True), 1_620_512),
        (MobileNetV3("small", reduced_tail=True), 438_704),
        (AlexNet(), 2_469_696),
        (AlexNet("caffe"), 2_334_080),
        repeated(GoogLeNet(), 5_599_904),
        (GoogLeNet("caffe"), 5_973_552),
        repeated(DenseNet(121), 6_953_856),
        (DenseNet(161), 26_472_000),
        repeated(DenseNet(169), 12_484_480),
        repeated(DenseNet(201), 18_092_928),
    ],
)
def test_backbone_counts(backbone, size):
    assert size_of(backbone) == size


@pytest.mark.parametrize(
    "name", ["deeplabv3plus_resnet50", "deeplabv3_resnet50", "pspnet_resnet50"]
)
def test_output_stride_rates_and_grid_leave_the_parameters_alone(name):
    options = {**NARROW, "features": 8}
    trained = shapes_of(create_model(name, 3, output_stride=16, **options))
    other = {"output_stride": 8, "multi_grid": (1, 2, 4), **options}
    if name != "pspnet_resnet50":
        other["rates"] = (4, 8, 12)
    assert shapes_of(create_model(name, 3, **other)) == trained


def test_v3plus_decodes_at_the_size_of_c2_at_every_output_stride():
    for output_stride, size in ((8, 17), (16, 9), (32, 5)):
        model = create_model(
            "deeplabv3plus_resnet50", 3, output_stride=output_stride, **V3PLUS
        )
        image = jax.ShapeDtypeStruct((1, 129, 129, 3), np.float32)
        run = lambda x, m=model: m.bind(m.init(jax.random.key(0), x)).backbone(x)
        pyramid = jax.eval_shape(run, image)
        assert pyramid["c5"].shape[1:3] == (size, size)
        assert pyramid["c2"].shape[1:3] == (33, 33)
        head = lambda p, m=model: m.head.clone(parent=None).init_with_output(
            jax.random.key(0), p, train=False
        )[0]
        assert jax.eval_shape(head, pyramid).shape == (1, 33, 33, 3)


def test_v3plus_reads_c2_and_c5_alone(fill):
    """One pixel of c2 reaches two 3x3 kernels far, c5 everything, others nothing."""
    model = create_model("deeplabv3plus_resnet50", 3, **V3PLUS)
    variables = fill(model, (1, 33, 33, 3))
    image = np.random.default_rng(0).normal(size=(1, 33, 33, 3)).astype(np.float32)
    backbone = jax.jit(lambda x: model.bind(variables).backbone(x))
    pyramid = jax.device_get(backbone(image))
    head = jax.jit(lambda pyramid: model.bind(variables).head(pyramid, train=False))
    before = np.asarray(head(pyramid))
    assert before.shape == (1, 9, 9, 3)
    near = np.zeros((9, 9), bool)
    near[1:6, 2:7] = True
    reach = {"c2": near, "c5": np.ones((9, 9), bool)}
    for level, x in pyramid.items():
        changed = x.copy()
        changed[:, min(3, x.shape[1] // 2), min(4, x.shape[2] // 2)] += 5.0
        moved = np.abs(head({**pyramid, level: changed}) - before).max((0, 3)) > 0
        np.testing.assert_array_equal(moved, reach.get(level, np.zeros((9, 9), bool)))


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_sizes_of_the_xception_pyramid(output_stride):
    net = Xception(71, output_stride, width=1 / 32, middle=1)
    image = jax.ShapeDtypeStruct((1, 129, 129, 3), np.float32)
    run = lambda x: net.init_with_output(jax.random.key(0), x)[0]
    pyramid = jax.eval_shape(run, image)
    sizes = {tap: x.shape[1] for tap, x in pyramid.items()}
    least = 128 // output_stride + 1
    want = {"c1": 65, "c2": 33, "c3": 17, "c4": 9, "c5": 5}
    assert sizes == {tap: max(n, least) for tap, n in want.items()}


@pytest.mark.slow
def test_multi_scale_takes_the_largest_score(fill):
    options = {**NARROW, "rates": (2, 4)}
    model = create_model("deeplabv2_resnet101", 3, **options)
    assert isinstance(model, MultiScale) and model.scales == (1.0, 0.75, 0.5)
    variables = fill(model, (1, 65, 64, 3))
    image = np.random.default_rng(0).normal(size=(1, 65, 64, 3)).astype(np.float32)
    once = MultiScale(model.backbone, model.head, (1.0,))

    @jax.jit
    def by_hand(variables, image):
        bound, maps, outputs = once.bind(variables), [], {}
        for number, size in enumerate(((65, 64), (48, 48), (32, 32)), start=1):
            scale = model.scales[number - 1]
            scaled = image if number == 1 else rescale(image, scale)
            assert scaled.shape[1:3] == size
            maps.append(bound.head(bound.backbone(scaled), train=False))
            outputs[f"aux_{number}"] = resize(maps[-1], (65, 64))
        fused = maps[0]
        for scores in maps[1:]:
            fused = jnp.maximum(fused, resize(scores, fused.shape[1:3]))
        return outputs | {"logits": resize(fused, (65, 64))}

    got = jax.device_get(jax.jit(model.apply)(variables, image))
    for name, want in jax.device_get(by_hand(variables, image)).items():
        np.testing.assert_allclose(got[name], want, rtol=1e-3, atol=1e-4)
    assert set(jax.eval_shape(once.apply, variables, image)) == {"logits"}


def test_local_response_norm_against_its_formula():
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 7)).astype(np.float32) * 30
    got = np.asarray(jax.jit(local_response_norm)(x))
    for c in range(7):
        near = x[..., max(0, c - 2) : c + 3]
        want = x[..., c] / (1 + 1e-4 / 5 * (near**2).sum(-1)) ** 0.75
        np.testing.assert_allclose(got[..., c], want, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Xception(50), "depth=50 .*41, 65, 71"),
        (lambda: Xception(41, 12), "output_stride=12"),
        (lambda: MobileNetV2(tap="input"), "tap='input'"),
        (lambda: MobileNetV3("tiny"), "size='tiny'"),
        (lambda: DenseNet(100), "depth=100"),
        (lambda: DenseNet(pooling="max"), "pooling='max'"),
        (lambda: AlexNet("keras"), "variant='keras'"),
        (lambda: GoogLeNet("keras"), "variant='keras'"),
        (lambda: create_model("fastfcn_fcn_resnet50", 3, head="ocr"), "head='ocr'"),
        (lambda: create_model("drn_d22", 3, variant="e22"), "variant='e22'"),
        (
            lambda: create_model("duc_hdc_resnet50", 3, output_stride=4),
            "output_stride=4",
        ),
        (lambda: create_model("deeplabv1_vgg16", 3, fusion="mean"), "fusion='mean'"),
    ],
)
def test_wrong_options_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        shapes_of(make())
