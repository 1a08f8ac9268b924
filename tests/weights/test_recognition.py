"""Tests which network is selected for a checkpoint, and what is assumed or refused."""

import json

import jax
import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.cli import convert as command
from jaxseg.runs.conversion import convert, model_card
from jaxseg.runs.recognition import recognize
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.catalog.evidence import gather
from jaxseg.weights.catalog.maps import (
    mmseg_deeplab,
    mmseg_resnet,
    smp_deeplab,
    smp_unet,
    timm_mobilenet_v3,
    torchvision_resnet,
)
from jaxseg.weights.catalog.stated import flag, stated_by_name
from jaxseg.weights.loading import Taking
from jaxseg.weights.translate.convert import flatten
from jaxseg.weights.translate.model_card import IMAGENET

NARROW = {"width": 8, "blocks": (1, 1, 1, 1)}
SMP_PLUS = {
    **{"eager_rate": True, "rates": (12, 24, 36), "align_corners": True},
    **{"separable": "plain", "after_aspp": True, "fuse": 1, "dropout": 0.5},
}


def shapes_filled(model, channels=3):
    """Returns variables of a model with a different number in each tensor."""
    image = jax.ShapeDtypeStruct((1, 64, 64, channels), np.float32)
    init = lambda key, x: model.init(key, x, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), image)
    counter = iter(range(1, 10_000))
    fill = lambda leaf: np.full(leaf.shape, next(counter) / 1000, leaf.dtype)
    return jax.tree.map(fill, shapes)


def options(**more):
    return {"model": {"options": {**NARROW, **more}}}


def converted(path, **wanted):
    wanted = {"options": options(), **wanted}
    return convert(str(path), Wanted(**wanted), Taking())


def same(variables, wanted):
    got, want = flatten(variables), flatten(wanted)
    return got.keys() == want.keys() and all(
        np.array_equal(got[k], want[k]) for k in got
    )


def written(folder, name, state, **beside):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    weights.write(path, state)
    for file, content in beside.items():
        (path.parent / f"{file}.json").write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def plus():
    """Returns a narrow network of segmentation_models.pytorch with four classes."""
    model = create_model("deeplabv3plus_resnet50", 4, **NARROW, **SMP_PLUS)
    variables = shapes_filled(model)
    return variables, weights.to_torch(variables, smp_deeplab.MAP_V3PLUS)


CONFIG = {
    "_model_class": "DeepLabV3Plus",
    "encoder_name": "resnet50",
    "encoder_output_stride": 8,
    "decoder_atrous_rates": [6, 12, 18],
}


@pytest.mark.slow
def test_a_config_beside_the_file_states_stride_and_rates(tmp_path, plus):
    """The file of `save_pretrained` is used, and nothing is assumed."""
    variables, state = plus
    path = written(tmp_path, "model.safetensors", state, config=CONFIG)
    result = converted(path)
    found = result.network.config.model.options
    assert found["output_stride"] == 8 and found["rates"] == (6, 12, 18)
    assert result.network.num_classes == 4 and not result.network.assumed
    assert "by config.json in the folder of the file" in str(result.report)
    assert same(result.imported.variables, variables)


@pytest.fixture(scope="module")
def bare(tmp_path_factory, plus):
    """Returns the same network without any configuration."""
    return written(tmp_path_factory.mktemp("bare"), "model.safetensors", plus[1])


@pytest.mark.slow
def test_without_it_the_assumption_is_told(bare):
    result = converted(bare)
    (text,) = result.network.assumed
    assert text.startswith("output_stride=16, rates=(12, 24, 36)")
    assert flag("output_stride", 8) in text
    assert text in str(result.report) and text in model_card(result).note


@pytest.mark.slow
def test_what_is_stated_is_not_assumed(plus):
    def assumed(**stated):
        wanted = Wanted(options=options(**stated))
        return recognize(plus[1], "a.pth", "a.pth", wanted).assumed

    (rest,) = assumed(output_stride=8)
    assert rest.startswith("rates=(12, 24, 36)")
    assert not assumed(output_stride=8, rates=(6, 12, 18))


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[1]",
        b'{"model": {"name": "unet"}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"encoder_output_stride": 8}',
        b'{"architecture": "x", "pad": "' + b" " * 1_000_000 + b'"}',
    ],
)
def test_other_files_called_config_are_not_taken_for_it(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(b"")
    (tmp_path / "config.json").write_bytes(content)
    assert gather("a.pth", str(tmp_path / "a.pth")).config == {}


def test_a_config_of_timm_is_used_by_its_name(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"")
    (tmp_path / "config.json").write_text('{"architecture": "resnetblur50"}')
    assert gather("a.pth", str(tmp_path / "a.pth")).names == "a.pth/resnetblur50"


def test_a_config_that_asks_for_more_than_is_supported(tmp_path):
    model = create_model("unet_resnet18", 2, **NARROW)
    state = weights.to_torch(shapes_filled(model), smp_unet.MAP)
    config = {
        "_model_class": "Unet",
        "encoder_name": "resnet18",
        "decoder_interpolation": "bilinear",
    }
    path = written(tmp_path, "model.safetensors", state, config=config)
    with pytest.raises(ValueError, match="decoder_interpolation='bilinear'"):
        converted(path)


D16 = (
    "model = dict(backbone=dict(type='ResNetV1c', strides=(1, 2, 2, 1), "
    "dilations=(1, 1, 1, 2), contract_dilation=True, multi_grid=(\n1,\n2,\n4,\n)), "
    "decode_head=dict(type='PSPHead', align_corners=True))"
)


@pytest.mark.slow
def test_an_mmseg_state_dict_with_and_without_its_configuration():
    model = create_model(
        "pspnet_resnet50", 3, features=16, stem="c", align_corners=False, **NARROW
    )
    state = weights.to_torch(shapes_filled(model), mmseg_deeplab.MAP_PSPNET)
    wanted = Wanted("pspnet_resnet50", options(features=16), num_classes=3)
    tree = {"state_dict": state, "meta": {"cfg": D16}}
    whole = recognize(tree, "a.pth", "a.pth", wanted)
    found = whole.config.model.options
    assert found["output_stride"] == 16 and found["multi_grid"] == (1, 1, 2)
    assert found["align_corners"] and not whole.assumed
    (text,) = recognize(state, "a.pth", "a.pth", wanted).assumed
    assert "output_stride=8, multi_grid=(1, 1, 1)" in text
    assert "align_corners=False" in text and "output_stride 16" in text


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_the_channels_of_the_image_follow_from_the_weights(tmp_path, channels):
    model = create_model("unet_resnet18", 2, **NARROW)
    variables = shapes_filled(model, channels)
    path = written(tmp_path, "a.npz", weights.to_torch(variables, smp_unet.MAP))
    result = converted(path)
    assert result.network.config.model.name == "unet_resnet18"
    assert result.network.channels == channels
    assert same(result.imported.variables, variables)
    card = model_card(result)
    assert f"images with {channels} channel" in card.note
    mean, std = IMAGENET.mean, IMAGENET.std
    expected = {1: ((0.449,), (0.226,)), 4: ((*mean, mean[0]), (*std, std[0]))}
    assert (card.normalization.mean, card.normalization.std) == expected[channels]


def test_depths_without_a_name_of_their_own():
    (source,) = (s for s in weights.SOURCES if s.name == "Unet on ResNet")
    rows = {(n.name, dict(n.options).get("depth")) for n in source.networks}
    assert rows >= {("unet_resnet50", 101), ("unet_resnet50", 152)}
    for network in source.networks:
        assert create_model(network.name, 2, **dict(network.options))


@pytest.fixture(scope="module")
def trunk():
    """A narrow network on ResNet-50, and its backbone under torchvision's names."""
    variables = shapes_filled(create_model("fcn_resnet50", 3, **NARROW))
    backbone = {c: variables[c]["backbone"] for c in ("params", "batch_stats")}
    return variables, weights.to_torch(backbone, torchvision_resnet.BACKBONE)


BACKBONE = {"model": "fcn_resnet50", "part": "backbone", "num_classes": 3}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("resnetblur50.pth", "refused"),
        ("ResNetAA50d_in1k.pth", "refused"),
        ("timm/resnetblur50.bt_in1k/model.pth", "refused"),
        ("resnet50_a1.pth", "known"),
        ("timm/resnet50.a1_in1k/model.pth", "known"),
        ("best.pth", "assumed"),
    ],
)
def test_anti_aliased_resnets(tmp_path, trunk, name, verdict):
    """Their tensors equal those of plain ones, so the name or an option decides."""
    path = written(tmp_path, name, trunk[1])
    if verdict == "refused":
        with pytest.raises(ValueError, match="anti-aliased ResNet") as error:
            converted(path, **BACKBONE)
        assert len(str(error.value).splitlines()) == 2
        with pytest.raises(ValueError, match="anti-aliased"):
            weights.load(str(path), create_model("fcn_resnet50", 3, **NARROW))
        return
    assumed = converted(path, **BACKBONE).network.assumed
    assert bool(assumed) == (verdict == "assumed")
    assert not assumed or "resnetblur* and resnetaa*" in assumed[0]


@pytest.mark.parametrize(
    ("arch", "refused"), [("resnetblur50", True), ("resnet50", False)]
)
def test_the_architecture_that_a_training_program_stored(trunk, arch, refused):
    tree = {"arch": arch, "state_dict": trunk[1]}
    wanted = Wanted(options=options(), **BACKBONE)
    if refused:
        with pytest.raises(ValueError, match="anti-aliased"):
            recognize(tree, "a.pth", "a.pth", wanted)
    else:
        assert not recognize(tree, "a.pth", "a.pth", wanted).assumed


@pytest.mark.parametrize(
    ("name", "told", "doubts"),
    [
        ("tf_mobilenetv3_small_100.pth", {"epsilon": 1e-3, "same_padding": True}, 0),
        ("hf://timm/tf_mobilenetv3_large_100.in1k/m.bin", {"epsilon": 1e-3}, 0),
        ("mobilenetv3_small_100.pth", {"epsilon": 1e-5, "same_padding": False}, 0),
        ("best.pth", {"epsilon": 1e-5, "same_padding": False}, 1),
    ],
)
def test_mobilenets_are_told_apart_by_their_names(name, told, doubts):
    key = ("timm", "MobileNet v3 small")
    (source,) = (s for s in weights.SOURCES if (s.library, s.name) == key)
    evidence = gather(name)
    options = dict(source.options) | dict(stated_by_name(source, evidence).options)
    assert options | told == options
    assert len(source.doubts(evidence.names)) == doubts


@pytest.fixture(scope="module")
def mobile():
    """A narrow MobileNet v3, and its backbone under timm's names."""
    model = create_model("lraspp_mobilenetv3", 3, size="small", width=0.5)
    variables = shapes_filled(model)
    backbone = {c: variables[c]["backbone"] for c in ("params", "batch_stats")}
    return variables, weights.to_torch(backbone, timm_mobilenet_v3.BACKBONE_SMALL)


@pytest.mark.slow
def test_mobilenet_of_tensorflow(tmp_path, mobile):
    variables, state = mobile
    path = written(tmp_path, "tf_mobilenetv3_small_050.pth", state)
    more = {**BACKBONE, "model": "lraspp_mobilenetv3"}
    narrow = {"model": {"options": {"size": "small", "width": 0.5}}}
    result = converted(path, options=narrow, **more)
    found = result.network.config.model.options
    assert found["same_padding"] and found["epsilon"] == 1e-3
    assert "by the file's name" in str(result.report) and not result.network.assumed
    got = result.imported.variables["params"]["backbone"]
    assert same(got, variables["params"]["backbone"])


UNSUPPORTED = {  # a key of the head -> its name in the message
    "decode_head.enc_module.encoding.0.codewords": "EncNet",
    "decode_head.gc_block.conv_mask.weight": "GCNet",
    "decode_head.attention.0.conv.weight": "PSANet",
    "decode_head.ema_module.bases": "EMANet",
    "decode_head.fusion.stages.0.key_project.conv.weight": "ANN",
    "decode_head.global_relation.key_project.0.conv.weight": "ISANet",
    "decode_head.acm_modules.0.gla.weight": "APCNet",
    "decode_head.dcm_modules.0.filter_gen_conv.weight": "DMNet",
    "decode_head.cca.gamma.scale": "CCNet",
    "decode_head.dnl_block.g.conv.weight": "DNLNet",
}


FCN_LIKE = ("cca", "dnl_block", "gc_block")  # their heads hold FCN's convolutions


@pytest.fixture(scope="module")
def deep_stem():
    """A narrow network on ResNet-v1c, and its backbone under MMSegmentation's names."""
    variables = shapes_filled(create_model("fcn_resnet50", 3, stem="c", **NARROW))
    backbone = {c: variables[c]["backbone"] for c in ("params", "batch_stats")}
    return variables, weights.to_torch(backbone, mmseg_resnet.BACKBONE)


def with_head(state, key):
    """Returns a state dict with the tensors that identify a head of MMSegmentation."""
    more = [key, "decode_head.conv_seg.weight"]
    if any(word in key for word in FCN_LIKE):
        names = ("convs.0", "convs.1", "conv_cat")
        more += [f"decode_head.{name}.conv.weight" for name in names]
    return state | {name: np.ones(1, np.float32) for name in more}


@pytest.mark.parametrize("key", UNSUPPORTED)
def test_heads_without_a_counterpart_are_named(tmp_path, deep_stem, key):
    path = written(tmp_path, "a.npz", with_head(deep_stem[1], key))
    name = rf"MMSegmentation's {UNSUPPORTED[key]}, whose head is not supported"
    with pytest.raises(ValueError, match=name) as error:
        command.main([str(path), "-o", str(tmp_path / "run")])
    lines = str(error.value).splitlines()
    assert len(lines) == 2 and "Pass --component backbone to" in lines[1]
    assert "--model fcn_resnet50" in lines[1] and "--num-classes" in lines[1]


@pytest.mark.slow
def test_the_backbone_below_such_a_head(tmp_path, deep_stem):
    """The remedy in the second line of the message works, with the right stem."""
    variables, state = deep_stem
    path = written(tmp_path, "a.npz", with_head(state, "decode_head.cca.gamma.scale"))
    result = converted(path, **BACKBONE)
    assert result.network.config.model.options["stem"] == "c"
    for collection in ("params", "batch_stats"):
        got = result.imported.variables[collection]["backbone"]
        assert same(got, variables[collection]["backbone"])


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("decoder.center.top_conv.weight", "MAnet"),
        ("decoder.blocks.x_0_0.conv1.0.weight", "UnetPlusPlus"),
    ],
)
def test_decoders_without_a_counterpart(trunk, key, name):
    state = {f"encoder.{k}": v for k, v in trunk[1].items()}
    state[key] = np.ones(1, np.float32)
    with pytest.raises(ValueError, match=f"pytorch's {name}, which is not") as error:
        recognize(state, "a.pth", "a.pth", Wanted())
    lines = error.value.on_command_line().splitlines()
    assert len(lines) == 2 and "Pass --entry encoder to" in lines[1]


def test_the_encoder_of_such_a_network(tmp_path, trunk):
    variables, state = trunk
    state = {f"encoder.{k}": v for k, v in state.items()}
    path = written(
        tmp_path, "a.npz", state | {"decoder.fpa.branch1.1.conv.weight": np.ones(1)}
    )
    result = converted(path, entry="encoder", **BACKBONE)
    got = result.imported.variables["params"]["backbone"]
    assert same(got, variables["params"]["backbone"])


@pytest.mark.slow
def test_a_form_that_is_not_supported_names_its_tensors(tmp_path):
    model = create_model("unet_resnet18", 2, **NARROW)
    state = weights.to_torch(shapes_filled(model), smp_unet.MAP)
    state["decoder.blocks.0.gate.weight"] = np.ones(3, np.float32)
    path = written(tmp_path, "a.npz", state)
    with pytest.raises(ValueError, match="unet_resnet18 comes closest") as error:
        converted(path)
    text = str(error.value)
    assert "1 unused in the source (decoder.blocks.0.gate" in text
    assert len(text.splitlines()) == 2 and "convert --list" in text


def test_unknown_names_are_refused_in_one_or_two_lines(tmp_path):
    state = {f"blocks.{i}.weight": np.ones(2, np.float32) for i in range(500)}
    path = written(tmp_path, "a.npz", state)
    with pytest.raises(ValueError, match="an unknown network") as error:
        converted(path)
    assert len(str(error.value).splitlines()) <= 2 and len(str(error.value)) < 400


def test_the_list_names_every_kind(capsys):
    assert command.main(["--list"]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) == len(weights.SOURCES)
    for name in ("deeplabv3plus_resnet50", "unet_resnet34", "setr_mla_vitl16"):
        assert name in text


@pytest.mark.slow
def test_the_hint_of_a_mismatch_works_on_the_command_line(tmp_path, capsys):
    """The option that the message names suffices for a run with other classes."""
    model = create_model("unet_resnet18", 4, **NARROW)
    path = written(
        tmp_path, "a.pth", weights.to_torch(shapes_filled(model), smp_unet.MAP)
    )
    line = [str(path), "-o", str(tmp_path / "run"), "--num-classes", "3"]
    line += ["--model", "unet_resnet18", "--model.options.width", "8"]
    line += ["--model.options.blocks", *"1111"]
    with pytest.raises(ValueError, match="2 of another shape") as error:
        command.main(line)
    assert "Pass --allow-missing 'head/classifier/*' to initialize" in str(error.value)
    assert command.main([*line, "--allow-missing", "head/classifier/*"]) == 0
    assert "fresh       2: " in capsys.readouterr().out
