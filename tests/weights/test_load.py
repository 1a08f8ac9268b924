"""Tests `load`: detection, unwrapping, parts, initial values, channels, the report."""

import jax
import numpy as np
import pytest

from jaxseg import weights
from jaxseg.backbones.resnet import ResNet, create_resnet
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.weights.catalog.maps import timm_resnet, timm_resnet_d, torchvision_resnet
from jaxseg.weights.loading import read_into
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.num_classes import count_classes
from jaxseg.weights.translate.state_dict import unwrap

BACKBONE = ResNet(18, width=8, blocks=(1, 2, 1, 2))


def network(channels=8):
    """Returns a narrow FCN on BACKBONE."""
    return EncoderDecoder(BACKBONE, FCNHead(5, channels))


@pytest.fixture(scope="module")
def trunk(fill):
    """(variables, state dict) of BACKBONE with torchvision's classifier."""
    variables = fill(BACKBONE, (1, 64, 64, 3))
    state = weights.to_torch(variables, torchvision_resnet.BACKBONE)
    state |= {"fc.weight": np.zeros((10, 64), np.float32), "fc.bias": np.zeros(10)}
    return variables, state


def equal(one, other):
    """Returns whether two trees contain the same arrays under the same paths."""
    one, other = flatten(one), flatten(other)
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key]) for key in one
    )


@pytest.mark.parametrize("wrap", ["", "state_dict", "model", "module."])
def test_a_classifier_into_a_bare_backbone(trunk, wrap):
    variables, state = trunk
    if wrap == "module.":
        state = {f"module.{key}": value for key, value in state.items()}
    elif wrap:
        state = {wrap: state, "epoch": 3}
    assert equal(weights.load(state, BACKBONE), variables)


def test_a_classifier_into_a_network(trunk):
    variables, state = trunk
    with pytest.raises(
        ValueError, match="Pass part='backbone' to import this backbone"
    ):
        weights.load(state, network())
    got = read_into(state, network(), part="backbone")
    assert equal(got.variables["params"]["backbone"], variables["params"])
    assert equal(got.variables["batch_stats"]["backbone"], variables["batch_stats"])
    head = got.variables["params"]["head"]
    assert np.asarray(head["conv"]["conv"]["kernel"]).std() > 0
    assert all(path.split("/")[1] == "head" for path in got.report.fresh)
    assert len(got.report.fresh) == 7
    assert got.report.dropped == ("fc.weight", "fc.bias")
    assert got.report.tensors == len(flatten(variables))
    counted = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert got.report.parameters == counted
    assert f"{counted:,}" in str(got.report) and "cast" not in str(got.report)
    with pytest.raises(
        ValueError, match="part='trunk' is invalid: expected a part of the model"
    ):
        weights.load(state, network(), part="trunk")


def test_half_precision_is_cast_and_reported(trunk):
    _, state = trunk
    half = {key: value.astype(np.float16) for key, value in state.items()}
    got = read_into(half, BACKBONE)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(got.variables))
    assert got.report.cast == (("float16", got.report.tensors),)


def test_another_number_of_classes(fill):
    variables = fill(network(), (1, 64, 64, 3))
    other = EncoderDecoder(BACKBONE, FCNHead(7, 8))
    with pytest.raises(ValueError, match="2 of another shape") as info:
        weights.load(variables, other)
    assert "the model has (1, 1, 8, 7)" in str(info.value)
    got = read_into(variables, other, allow_missing=("head/classifier/*",))
    assert sorted(got.report.fresh) == [
        "params/head/classifier/bias",
        "params/head/classifier/kernel",
    ]
    shape = got.variables["params"]["head"]["classifier"]["kernel"].shape
    assert shape == (1, 1, 8, 7)
    assert equal(got.variables["batch_stats"], variables["batch_stats"])


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_other_image_channels(trunk, channels):
    """The kernel is summed for one channel, and repeated and rescaled otherwise."""
    variables, state = trunk
    got = read_into(state, BACKBONE, channels=channels)
    assert got.report.adapted == ("conv1.weight",)
    old = variables["params"]["stem"]["conv1"]["conv"]["kernel"]
    new = got.variables["params"]["stem"]["conv1"]["conv"]["kernel"]
    assert new.shape == (7, 7, channels, 8)
    if channels == 1:
        assert np.allclose(new[:, :, 0], old.sum(2), atol=1e-7)
    else:
        for i in range(channels):
            assert np.allclose(new[:, :, i], old[:, :, i % 3] * 3 / channels)


def test_equal_channels_keep_the_response(trunk):
    """A gray image gives the result of the same image in three channels."""
    kernel = np.random.default_rng(0).normal(size=(4, 3, 3, 3))
    for channels in (1, 6):
        response = weights.adapt_kernel(kernel, channels).sum(1)
        assert np.allclose(response, kernel.sum(1), atol=1e-5)
    with pytest.raises(ValueError, match="channels=0 is invalid"):
        weights.adapt_kernel(kernel, 0)


def test_detection_of_resnets(fill):
    for stem, table, name in [
        ("7x7", torchvision_resnet, "ResNet"),
        ("c", timm_resnet, "ResNet-C"),
        ("d", timm_resnet_d, "ResNet-D"),
    ]:
        model = create_resnet(18, width=8, stem=stem)
        variables = fill(model, (1, 64, 64, 3))
        state = weights.to_torch(variables, table.BACKBONE)
        assert weights.detect(state).name == name
        assert equal(weights.load(state, model), variables)


def test_unknown_sources_and_trees():
    with pytest.raises(
        ValueError, match=r"an unknown network \(2 tensors: a.weight, b.weight"
    ):
        weights.detect(["a.weight", "b.weight"])
    with pytest.raises(
        ValueError, match="expected a state dict, but it contains a list"
    ):
        unwrap([1], "a.pth")
    with pytest.raises(ValueError, match=r"1 of 2 entries are not named tensors .'lr'"):
        unwrap({"w": np.zeros(1), "lr": 0.1}, "a.pth")
    with pytest.raises(ValueError, match="0 of 0 entries"):
        unwrap({}, "a.pth")


def test_classes_are_counted(fill):
    variables = flatten(fill(network(), (1, 64, 64, 3)))
    rules = tuple((path, path, "identity") for path in variables)
    shapes = [variable_shapes(EncoderDecoder(BACKBONE, FCNHead(n, 8))) for n in (2, 3)]
    assert count_classes(variables, rules, *shapes) == 5
    with pytest.raises(ValueError, match="cannot be inferred"):
        count_classes({}, rules, *shapes)
