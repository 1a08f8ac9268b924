"""Tests wrappers, prefixes and averaged copies of a state dict."""

import numpy as np
import pytest

from jaxseg import weights
from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.weights.catalog.detection import part_of
from jaxseg.weights.catalog.maps import torchvision_fcn
from jaxseg.weights.loading import read_into
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.state_dict import unwrap

BACKBONE = ResNet(18, width=8, blocks=(1, 1, 1, 1))
MODEL = EncoderDecoder(BACKBONE, FCNHead(3, 8), FCNHead(3, 8, None))


@pytest.fixture(scope="module")
def source():
    """(flat variables, PyTorch state dict) of MODEL."""
    shapes = flatten(variable_shapes(MODEL))
    random = np.random.default_rng(0)
    values = {
        path: random.uniform(0.5, 1.5, shape.shape).astype(np.float32)
        for path, shape in shapes.items()
    }
    return values, weights.to_torch(_nested(values), torchvision_fcn.MAP)


def _nested(flat):
    tree = {}
    for path, value in flat.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


def doubled(state):
    """Returns other weights under the same names."""
    return {key: 2 * value for key, value in state.items()}


def same(variables, values):
    got = flatten(variables)
    return got.keys() == values.keys() and all(
        np.array_equal(got[key], values[key]) for key in values
    )


COUNT = np.asarray(7)
LOSS = {"criterion.weight": np.ones(3, np.float32)}
OPTIMIZER = {"state": {0: {"exp_avg": np.ones(4)}}, "param_groups": [{"lr": 0.1}]}
WRAPPED = {  # what a training program stores -> its dictionary
    "bare": lambda s: s,
    **{
        name: lambda s, name=name: {name: s, "epoch": 3, "optimizer": OPTIMIZER}
        for name in (
            *("state_dict", "model_state_dict", "model_state", "model", "net"),
            *("network", "module", "weights", "my_own_name"),
        )
    },
    "one entry in another": lambda s: {"checkpoint": {"model": s}, "epoch": 3},
    "tensors beside it": lambda s: {"model": s, "best": COUNT, "epoch": COUNT},
    **{
        f"prefix {prefix}": lambda s, prefix=prefix: prefixed(s, prefix)
        for prefix in (
            *("module.", "_orig_mod.", "model.", "net.", "network.", "segmenter."),
            *("module._orig_mod.", "model._orig_mod.", "module.module."),
            *("model.segmenter.", "student.module."),
        )
    },
    "AveragedModel": lambda s: {"n_averaged": COUNT, **prefixed(s, "module.")},
    "compiled AveragedModel": lambda s: {
        "n_averaged": COUNT,
        **prefixed(s, "module._orig_mod."),
    },
    "Lightning": lambda s: {
        "state_dict": prefixed(s, "model.") | LOSS,
        "pytorch-lightning_version": "2.5.0",
        "callbacks": {"ModelCheckpoint": {"best_model_score": COUNT}},
        "hyper_parameters": {"lr": 0.1},
    },
    "Lightning, own name": lambda s: {"state_dict": prefixed(s, "unet_42.") | LOSS},
    "HRNet's FullModel": lambda s: prefixed(s, "model.") | {"loss.weight": COUNT},
    "timm": lambda s: {"state_dict": s, "state_dict_ema": doubled(s), "arch": "x"},
    "torchvision": lambda s: {
        "model": s,
        "model_ema": {"n_averaged": COUNT, **prefixed(doubled(s), "module.")},
    },
    "EMA in the module": lambda s: {
        "state_dict": prefixed(s, "model.") | prefixed(doubled(s), "ema_model."),
    },
    "only the average": lambda s: {"ema": s, "optimizer": OPTIMIZER},
    "MMEngine's EMAHook": lambda s: {
        "state_dict": s,
        "ema_state_dict": {"steps": COUNT, **prefixed(doubled(s), "module.")},
        "meta": {"mmengine_version": "0.10.7"},
    },
    "MMCV's EMAHook": lambda s: {
        "state_dict": s
        | {f"ema_{key.replace('.', '_')}": 2 * value for key, value in s.items()}
    },
}


@pytest.mark.parametrize("how", WRAPPED)
def test_the_same_parameters_from_every_wrapping(source, how):
    values, state = source
    assert same(weights.load(WRAPPED[how](state), MODEL), values)


@pytest.mark.parametrize(
    ("how", "entry"),
    [
        ("timm", "state_dict_ema"),
        ("torchvision", "model_ema"),
        ("EMA in the module", "ema_model"),
        ("MMEngine's EMAHook", "ema_state_dict"),
    ],
)
def test_the_other_weights_of_a_file(source, how, entry):
    """The report names them, and the option selects them."""
    values, state = source
    tree = WRAPPED[how](state)
    report = str(read_into(tree, MODEL).report)
    assert f"under '{entry}' (--entry {entry} selects them)" in report
    assert ("averaged weights under" in report) == ("MMEngine" not in how)
    other = read_into(tree, MODEL, entry=entry)
    assert same(other.variables, {key: 2 * value for key, value in values.items()})


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("AveragedModel", "names without 'module.', averaged weights"),
        ("MMEngine's EMAHook", "entry 'state_dict', averaged weights"),
        ("only the average", "entry 'ema', averaged weights"),
        ("Lightning", "entry 'state_dict', names without 'model.'"),
        ("my_own_name", "taken from  entry 'my_own_name'"),
        ("Lightning", "left out    1: criterion.weight"),
    ],
)
def test_the_report_says_what_was_taken(source, how, text):
    assert text in str(read_into(WRAPPED[how](source[1]), MODEL).report)


def test_a_prefix_of_a_few_names_stays(source):
    state = {**source[1], "model.extra": np.zeros(1, np.float32)}
    found = unwrap(state, "file.pth")
    assert found.prefix == "" and found.state.keys() == state.keys()


def test_a_bare_state_dict_needs_no_words(source):
    report = str(read_into(source[1], MODEL).report)
    assert "taken from" not in report and "beside" not in report


@pytest.mark.parametrize(
    ("entry", "tree"),
    [
        ("student", lambda s: {"student": s, "teacher": doubled(s)}),
        ("student", lambda s: prefixed(s, "student.") | prefixed(s, "teacher.")),
        ("g.b", lambda s: {"state_dict": prefixed(s, "g.b.") | prefixed(s, "g.c.")}),
        ("model.b", lambda s: prefixed(s, "model.b.") | prefixed(s, "model.c.")),
    ],
)
def test_two_networks_are_not_guessed_at(source, entry, tree):
    values, state = source
    with pytest.raises(ValueError, match="weights of 2 networks") as error:
        weights.load(tree(state), MODEL)
    assert f"Pass entry={entry!r} to select the first" in str(error.value)
    assert same(weights.load(tree(state), MODEL, entry=entry), values)


def test_an_entry_that_is_not_there(source):
    tree = WRAPPED["timm"](source[1])
    with pytest.raises(
        ValueError, match="entry='ema' is invalid: expected an entry of the state dict"
    ) as e:
        weights.load(tree, MODEL, entry="ema")
    assert "such as 'state_dict', 'state_dict_ema'" in str(e.value)


def test_a_trunk_is_not_taken_out_of_an_unknown_network(source):
    """Names below `encoder.` are those of a classifier, but the file contains more."""
    trunk = {
        key.replace("backbone.", "encoder."): value
        for key, value in source[1].items()
        if key.startswith("backbone.")
    }
    found = unwrap(trunk | {"decoder.weight": COUNT}, "a.pth", recognize=part_of)
    assert found.prefix == "" and len(found.state) == len(trunk) + 1
    assert unwrap(trunk, "a.pth", recognize=part_of).prefix == "encoder."
