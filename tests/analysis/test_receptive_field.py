"""Fields from layer lists against published numbers, and against brute force."""

import math

import pytest

from jaxseg.analysis.atrous.receptive_field import (
    Field,
    Layer,
    chain,
    enlarged,
    parallel,
    path_sigma,
    stages,
    through,
)
from jaxseg.backbones.resnet import BLOCKS, plan_units
from jaxseg.backbones.resnet_variant import ResNetVariant

POOL = Layer(2, 2, padding=0)


def vgg(counts=(2, 2, 3, 3, 3)):
    layers = []
    for count in counts:
        layers += [Layer(3)] * count + [POOL]
    return layers


def large_fov(rate, kernel=3):
    """VGG at stride 8: pool4 and pool5 keep the size, average pooling behind."""
    layers = []
    for count in (2, 2, 3):
        layers += [Layer(3)] * count + [Layer(3, 2, padding=1)]
    layers += [Layer(3)] * 3 + [Layer(3)] + [Layer(3, rate=2)] * 3
    return [*layers, Layer(3), Layer(3), Layer(kernel, rate=rate)]


def resnet(depth, output_stride, stride_in="conv2", multi_grid=(1, 1, 1)):
    """The 3x3 path of a bottleneck ResNet."""
    layers = [Layer(7, 2), Layer(3, 2)]
    for units in plan_units(
        BLOCKS[depth],
        output_stride,
        multi_grid=multi_grid,
        variant=ResNetVariant(stride_in=stride_in),
    ):
        for unit in units:
            if stride_in == "conv1":
                layers += [Layer(1, unit.stride), Layer(3, rate=unit.rate)]
            elif stride_in == "last" and unit.pooled:
                layers += [Layer(3, rate=unit.first_rate), Layer(1, unit.stride)]
            else:
                rate = unit.first_rate if unit.pooled else unit.rate
                layers.append(Layer(3, unit.stride, rate))
    return layers


def test_vgg():
    layers = vgg()
    assert chain(layers[:-1]).size == 196 and chain(layers[:-1]).jump == 16
    assert chain(layers).size == 212 and chain(layers).jump == 32
    assert chain([*layers, Layer(7)]).size == 404


@pytest.mark.parametrize(
    ("rate", "size"),
    [(2, 275), (4, 307), (6, 339), (8, 371), (12, 435), (18, 531), (24, 627)],
)
def test_large_fov(rate, size):
    assert chain(large_fov(rate)).size == size and chain(large_fov(rate)).jump == 8


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize(
    ("depth", "stride_in", "size"),
    [(50, "conv2", 427), (50, "conv1", 483), (101, "conv2", 971), (101, "conv1", 1027)],
)
def test_resnet_does_not_depend_on_the_output_stride(
    depth, stride_in, size, output_stride
):
    found = chain(resnet(depth, output_stride, stride_in))
    assert found.size == size and found.jump == output_stride


def test_aspp_and_multi_grid():
    features = chain(resnet(101, 16, "last"))
    assert features.size == 1027
    sizes = [through(features, Layer(3, rate=r)).size for r in (6, 12, 18)]
    assert sizes == [1219, 1411, 1603]
    assert chain(resnet(50, 16, "last", (1, 2, 4))).size == 739


def test_the_recursion_in_plain_numbers():
    layers = [Layer(7, 2), Layer(3, 2), Layer(5, 1, 3), Layer(3, 2, 2)]
    size, jump = 1, 1
    for layer, found in zip(layers, stages(layers), strict=True):
        size += (layer.kernel - 1) * layer.rate * jump
        jump *= layer.stride
        assert (found.size, found.jump, found.period) == (size, jump, 1)
        assert found.start == 0  # symmetric padding of odd kernels


def reads(field, output):
    return set(range(field.low(output), field.high(output) + 1))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(4, 2, 1), (3, 2, 1), (2, 2, 0), (6, 4, 1), (16, 8, 4)],
)
def test_transposed_by_enumeration(kernel, stride, padding):
    below = chain([Layer(3, 2), Layer(3, 2)])
    found = through(below, Layer(kernel, stride, padding=padding, transposed=True))
    assert found.jump == below.jump / stride
    for output in range(-5, 40):
        inputs = [
            i for i in range(-30, 60) if 0 <= output + padding - stride * i < kernel
        ]
        want = set().union(*(reads(below, i) for i in inputs))
        assert reads(found, output) == set(range(min(want), max(want) + 1))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bilinear_enlargement_by_enumeration(factor):
    below = through(Field(), Layer(3, 4))
    found = enlarged(below, factor)
    for output in range(-4, 20):
        place = (output + 0.5) / factor - 0.5
        want = reads(below, math.floor(place)) | reads(below, math.ceil(place))
        assert found.low(output) == min(want) and found.high(output) == max(want)


def test_an_encoder_and_its_decoder_return_to_every_pixel():
    down = chain([Layer(3), POOL, Layer(3), POOL, Layer(3)])
    up = [Layer(2, 2, padding=0, transposed=True)] * 2
    found = chain(up, down)
    assert found.jump == 1 and found.period == 4
    assert found.size == down.size
    again = chain([Layer(3), POOL], found)
    assert again.jump == 2


def test_branches():
    a, b = chain([Layer(3, 2)]), chain([Layer(3), Layer(7, 2, padding=3)])
    found = parallel(a, b)
    assert found.size == b.size and found.jump == 2
    lopsided = parallel(Field((0,), (4,), 2), Field((-3,), (1,), 2))
    assert lopsided.size == 8
    with pytest.raises(ValueError, match="jumps"):
        parallel(a, Field())


def test_sigma_of_equal_weights():
    assert path_sigma(vgg()[:-1]) == pytest.approx(26.5, abs=0.05)
    assert path_sigma(large_fov(12)[:-1]) == pytest.approx(28.6, abs=0.05)
    assert path_sigma(large_fov(12)) == pytest.approx(83.5, abs=0.05)


def test_errors():
    with pytest.raises(ValueError, match="stride=0 is invalid"):
        Layer(3, 0)
    with pytest.raises(ValueError, match="read nothing"):
        through(Field(), Layer(1, 2, transposed=True))
