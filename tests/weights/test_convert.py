"""Tests import tables: translation, shape checks, errors and the inverse."""

from fnmatch import fnmatchcase

import jax
import ml_dtypes
import numpy as np
import pytest

from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.vgg import VGG
from jaxseg.weights.catalog.maps import mmseg_resnet, timm_resnet_d, torchvision_resnet
from jaxseg.weights.catalog.maps.torchvision_vgg import backbone
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate import rules, transforms
from jaxseg.weights.translate.convert import convert, to_torch
from jaxseg.weights.translate.mismatch import Mismatch, common_patterns

RULES = (
    *rules.conv_norm(r"conv(\d)", r"bn(\d)", r"stem\1"),
    *rules.conv_transpose("up", "up"),
    *rules.linear("fc", "fc"),
)


def shapes():
    """Returns shapes for RULES as eval_shape returns them."""
    f = lambda *s: np.zeros(s, np.float32)
    return {
        "params": {
            "stem1": {
                "conv": {"kernel": f(3, 3, 2, 4)},
                "norm": {"scale": f(4), "bias": f(4)},
            },
            "up": {"kernel": f(4, 4, 4, 5), "bias": f(5)},
            "fc": {"kernel": f(5, 7), "bias": f(7)},
        },
        "batch_stats": {"stem1": {"norm": {"mean": f(4), "var": f(4)}}},
    }


def state():
    """Returns a PyTorch state dict that fits."""
    random = np.random.default_rng(0)
    f = lambda *s: random.normal(size=s).astype(np.float32)
    return {
        "conv1.weight": f(4, 2, 3, 3),
        "bn1.weight": f(4),
        "bn1.bias": f(4),
        "bn1.running_mean": f(4),
        "bn1.running_var": f(4),
        "bn1.num_batches_tracked": np.array(7),
        "up.weight": f(4, 5, 4, 4),
        "up.bias": f(5),
        "fc.weight": f(7, 5),
        "fc.bias": f(7),
    }


def test_every_tensor_lands_in_its_place_and_layout():
    source = state()
    got = convert(source, RULES, shapes())
    kernel = got["params"]["stem1"]["conv"]["kernel"]
    assert kernel[2, 0, 1, 3] == source["conv1.weight"][3, 1, 2, 0]
    assert got["params"]["up"]["kernel"][3, 1, 2, 4] == source["up.weight"][2, 4, 3, 1]
    assert got["params"]["fc"]["kernel"][2, 6] == source["fc.weight"][6, 2]
    assert (got["params"]["stem1"]["norm"]["scale"] == source["bn1.weight"]).all()
    stats = got["batch_stats"]["stem1"]["norm"]
    assert (stats["mean"] == source["bn1.running_mean"]).all()
    assert (stats["var"] == source["bn1.running_var"]).all()


def test_the_way_back_is_exact():
    source = state()
    back = to_torch(convert(source, RULES, shapes()), RULES)
    counter = source.pop("bn1.num_batches_tracked")
    assert counter == 7 and back.keys() == source.keys()
    for key, array in source.items():
        assert back[key].dtype == np.float32
        assert np.array_equal(back[key], array), key


def test_all_problems_are_told_at_once():
    source = state()
    del source["bn1.running_var"], source["up.bias"]
    source["fc.weight"] = np.zeros((8, 5), np.float32)
    source["extra.weight"] = np.zeros(3, np.float32)
    source["bn1.bias"] = np.zeros(4, np.int32)
    with pytest.raises(ValueError) as info:
        convert(source, RULES, shapes())
    text = str(info.value)
    assert "2 missing from the source (params/up/bias, batch_stats/" in text
    assert "1 unused in the source (extra.weight)" in text
    assert (
        "fc.weight (8, 5) -> params/fc/kernel: (5, 8), but the model has (5, 7)" in text
    )
    assert "bn1.bias is int32, but params/stem1/norm/bias is float32" in text
    assert len(text.splitlines()) == 2
    assert info.value.problems.missing[0] == "params/up/bias"


def test_the_remedies_are_those_that_help():
    """The patterns of the remedies match the problems, and with them the import
    works.
    """
    source = state()
    source["fc.weight"] = np.zeros((9, 5), np.float32)
    source["fc.bias"] = np.zeros(9, np.float32)
    source["extra.a.weight"] = source["extra.b"] = np.zeros(3, np.float32)
    with pytest.raises(Mismatch) as info:
        convert(source, RULES, shapes())
    python, line = str(info.value), info.value.on_command_line()
    assert "Pass allow_missing=('fc/*',) to initialize" in python
    assert "Pass --allow-missing 'fc/*' to initialize" in line
    assert "Pass --allow-unused 'extra.*' to leave those out" in line
    options = {r.option: r.value for r in info.value.remedies}
    assert convert(source, RULES, shapes(), **options)


def test_another_network_altogether_has_no_remedy():
    with pytest.raises(Mismatch) as info:
        convert({"a.weight": np.zeros(3)}, RULES, shapes())
    assert not info.value.remedies and "and" in str(info.value)


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["head/a/kernel", "head/a/bias"], ("head/a/*",)),
        (["head/a", "head/b/c"], ("head/*",)),
        (["aux/b", "head/a"], ("aux/b", "head/a")),
        (["heads/a", "head/a", "head/b"], ("head/*", "heads/a")),
    ],
)
def test_patterns(names, patterns):
    assert common_patterns(names, "/") == patterns
    assert all(any(fnmatchcase(n, p) for p in patterns) for n in names)


def test_two_keys_for_one_place():
    table = (*RULES, *rules.linear("head", "fc"))
    source = {**state(), "head.bias": np.zeros(7, np.float32)}
    with pytest.raises(ValueError, match=r"1 written twice \(head\.bias"):
        convert(source, table, shapes())


def test_allowances():
    source = state()
    source["fc.weight"] = np.zeros((9, 5), np.float32)
    del source["fc.bias"]
    source["extra"] = np.zeros(3)
    got = convert(
        source, RULES, shapes(), allow_missing=("fc/*",), allow_unused=("ext*",)
    )
    assert "fc" not in got["params"] and "up" in got["params"]


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_other_floats_are_cast(dtype):
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    source = {k: v.astype(kind) for k, v in state().items()}
    got = convert(source, RULES, shapes())["params"]["fc"]["bias"]
    assert got.dtype == np.float32
    assert (got == source["fc.bias"].astype(np.float32)).all()


def test_a_variable_without_rule_cannot_go_back():
    with pytest.raises(
        ValueError, match="a rule for each of 1 more variables: params/x/bias"
    ):
        to_torch({"params": {"x": {"bias": np.zeros(1)}}}, RULES)


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        ("conv", (4, 3, 2, 5)),
        ("conv_transpose", (4, 3, 2, 5)),
        ("conv1d", (4, 3, 2)),
        ("linear", (4, 3)),
        ("identity", (2, 3, 4)),
        ("conv_as_linear", (4, 3, 1, 1)),
        ("channels", (4, 1, 1)),
        ("merging", (12,)),
        ("merging", (5, 12)),
        ("linear_as_conv(2, 3)", (4, 30)),
    ],
)
def test_transforms_invert(transform, shape):
    array = np.random.default_rng(1).normal(size=shape)
    there = transforms.apply(transform, array)
    assert np.array_equal(transforms.invert(transform, there), array)


PARTS = tuple(
    (rf"{name}\.{kind}", f"params/qkv/{ours}", f"{layout}_part({i}, 3)")
    for i, name in enumerate(("query", "key", "value"))
    for kind, ours, layout in (
        ("weight", "kernel", "linear"),
        ("bias", "bias", "vector"),
    )
)


def test_parts_are_joined_and_split():
    """Three layers become one, in the order of the parts and not of the state dict."""
    random = np.random.default_rng(4)
    state = {
        f"{name}.{kind}": random.normal(size=size).astype(np.float32)
        for name in ("value", "query", "key")
        for kind, size in (("weight", (2, 5)), ("bias", 2))
    }
    shapes = {"params": {"qkv": {"kernel": np.zeros((5, 6)), "bias": np.zeros(6)}}}
    shapes = jax.tree.map(np.float32, shapes)
    layer = convert(state, PARTS, shapes)["params"]["qkv"]
    image = random.normal(size=5)
    for i, name in enumerate(("query", "key", "value")):
        want = state[f"{name}.weight"] @ image + state[f"{name}.bias"]
        got = image @ layer["kernel"] + layer["bias"]
        np.testing.assert_allclose(got[2 * i : 2 * i + 2], want, rtol=1e-6)
    back = to_torch({"params": {"qkv": layer}}, PARTS)
    assert back.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)
    del state["key.bias"]
    with pytest.raises(
        ValueError, match=r"1 missing from the source \(params/qkv/bias"
    ):
        convert(state, PARTS, shapes)
    state["key.bias"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"1 of another shape \(key\.bias \(3,\)"):
        convert(state, PARTS, shapes)


def test_linear_as_conv_is_the_dense_layer():
    """The dense layer on a flattened map equals a valid convolution, as in FCN."""
    random = np.random.default_rng(2)
    image, weight = random.normal(size=(3, 2, 2)), random.normal(size=(5, 12))
    kernel = transforms.apply("linear_as_conv(2, 2)", weight)
    got = np.einsum("chw,hwco->o", image, kernel)
    assert np.allclose(got, weight @ image.ravel())


def test_unknown_transform_and_wrong_rank():
    with pytest.raises(ValueError, match="transform='fold' is invalid"):
        transforms.parse("fold")
    with pytest.raises(ValueError, match="expected 4 dimensions for conv"):
        transforms.apply("conv", np.zeros(3))


def test_scalars_keep_their_shape():
    """Scalars such as DANet's gamma get no additional axis."""
    shapes = {"params": {"gamma": np.zeros((), np.float32)}}
    table = (("gamma", "params/gamma"),)
    got = convert({"gamma": np.array(0.5)}, table, shapes)
    assert got["params"]["gamma"].shape == () and got["params"]["gamma"] == 0.5
    assert to_torch(got, table)["gamma"].shape == ()


def test_prefixed_refuses_groups():
    with pytest.raises(ValueError, match="expected a pattern without groups"):
        rules.prefixed(RULES, src=r"net(\d)\.")
    moved = rules.prefixed(RULES, src=r"net\.", dst="a/")
    assert moved[0] == (
        r"net\.conv(\d)\.weight",
        r"params/a/stem\1/conv/kernel",
        "conv",
    )


@pytest.mark.parametrize(
    ("table", "options"),
    [
        (torchvision_resnet.BACKBONE, {"depth": 18}),
        (torchvision_resnet.BACKBONE, {"depth": 50}),
        (timm_resnet_d.BACKBONE, {"depth": 50, "stem": "d"}),
        (mmseg_resnet.BACKBONE, {"depth": 50, "stem": "c"}),
    ],
)
def test_resnet_tables_go_there_and_back(fill, table, options):
    """Variables that are written in PyTorch's names are read back equal, without
    torch.
    """
    model = create_resnet(blocks=(1, 1, 1, 1), width=8, **options)
    _round_trip(model, fill(model, (1, 64, 64, 3)), table)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg_tables_go_there_and_back(fill, batch_norm):
    model = VGG(19, batch_norm=batch_norm, channels=(2, 3, 4, 5, 6))
    variables = fill(model, (1, 64, 64, 3))
    _round_trip(model, variables, backbone(19, batch_norm=batch_norm))


def _round_trip(model, variables, table):
    there = to_torch(variables, table)
    again = convert(there, table, variable_shapes(model))
    assert jax.tree.structure(again) == jax.tree.structure(variables)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(variables), strict=True):
        assert np.array_equal(a, b)
