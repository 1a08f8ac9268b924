"""Configurations: files, overrides, JSON, and errors that name what is near."""

import dataclasses

import pytest

from jaxseg.cli import plan, train
from jaxseg.config import Config, DataConfig, LossConfig, ModelConfig
from jaxseg.runs.config_file import config_name, load_config, overridden, take_options
from jaxseg.runs.directory import build_model
from jaxseg.runs.serialize import differences, from_dict, to_dict


def full():
    return Config(
        model=ModelConfig(
            "segnet", {"width": 8, "rates": (1, (2, 4)), "style": {"norm": "group"}}
        ),
        data=DataConfig(crop=(7, 9), classes=("a", "b")),
        loss=LossConfig(additional=(("dice", 0.5),), options={"dice": {"smooth": 1.0}}),
    )


def test_json_round_trip_is_exact():
    assert from_dict(Config, to_dict(full())) == full()
    assert from_dict(Config, {}) == Config()


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"trian": {}}, "^trian is invalid: expected a known name, such as 'train'"),
        (
            {"optim": {"learnig_rate": 1}},
            "^optim.learnig_rate is invalid: expected a known name, such as 'learning_rate'",
        ),
        (
            {"data": {"crop": [96]}},
            r"^data.crop=\(96,\) is invalid: expected a tuple of \(a whole number, a w",
        ),
        ({"train": {"steps": 1.5}}, "^train.steps=1.5 is invalid: expected a whole"),
        ({"train": {"steps": True}}, "^train.steps=True is invalid: expected a whole"),
        (
            {"train": {"parallel_backend": "jti"}},
            "='jti' is invalid: expected 'jit' or 'pmap'",
        ),
        ({"train": 3}, "^train=3 is invalid: expected a dictionary of its fields"),
    ],
)
def test_json_errors_name_field_value_and_what_is_allowed(tree, message):
    with pytest.raises(ValueError, match=message):
        from_dict(Config, tree)


def test_options_are_taken_off_the_command_line():
    options, rest = take_options(
        [
            "c.py",
            "--model.options.output-stride=8",
            "--train.steps",
            "3",
            "--model.options.rates",
            "6",
            "12",
            "--model.options.style.norm",
            "group",
            "--model.options.deep",
            "--model.options.pad",
            "none",
            "--model.options.last-up",
            "None",
            "--loss.options.dice.smooth",
            "-1.5",
            "--data.flip",
        ]
    )
    assert rest == ["c.py", "--train.steps", "3", "--data.flip"]
    assert options == {
        "model": {
            "options": {
                "output_stride": 8,
                "rates": (6, 12),
                "style": {"norm": "group"},
                "deep": True,
                "pad": "none",
                "last_up": None,
            }
        },
        "loss": {"options": {"dice": {"smooth": -1.5}}},
    }


def test_options_are_laid_over_those_of_the_file():
    over = {"model": {"options": {"width": 4, "style": {"epsilon": 1e-3}}}}
    assert overridden(full(), over).model.options == {
        "width": 4,
        "rates": (1, (2, 4)),
        "style": {"norm": "group", "epsilon": 1e-3},
    }


def test_config_files(tmp_path):
    path = tmp_path / "rates" / "config.py"
    path.parent.mkdir()
    path.write_text(
        "from jaxseg.config import *\nconfig = Config(data=DataConfig(crop=[8, 9]))\n"
    )
    assert load_config(path).data.crop == (8, 9)
    assert config_name(path) == "rates"
    assert config_name("wide.py") == "wide"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "that defines `config = Config"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        (
            "from jaxseg.config import *\nconfig = Config(data=DataConfig(corp=(1, 2)))",
            "'corp': expected a known name, such as 'crop'",
        ),
        (
            "from jaxseg.config import *\nconfig = Config(train=TrainConfig(steps='9'))",
            "c.py: train.steps='9' is invalid: expected a whole number",
        ),
    ],
)
def test_bad_config_files(tmp_path, text, message):
    (tmp_path / "c.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / "c.py")


def test_a_missing_config_file():
    with pytest.raises(ValueError, match=r"config='none.py' is invalid"):
        load_config("none.py")


def test_differences_name_every_field():
    changed = dataclasses.replace(
        full(), model=ModelConfig("unet", {"width": 8}), data=DataConfig()
    )
    lines = differences(to_dict(full()), to_dict(changed))
    assert "model.name: 'segnet' there, 'unet' here" in lines
    assert "model.options.rates: [1, [2, 4]] there, not set here" in lines
    assert any(line.startswith("data.crop: [7, 9] there") for line in lines)
    assert differences(to_dict(full()), to_dict(full())) == []


def with_model(name, **options):
    return dataclasses.replace(Config(), model=ModelConfig(name, options))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (with_model("unett"), "model.name='unett' is invalid"),
        (
            with_model("unet", widht=8),
            "model.options.widht is invalid for 'unet'.*'width'",
        ),
        (
            with_model("deeplabv3_resnet50", foo=8),
            "model.options.foo is invalid: expected one of the options of "
            "'deeplabv3_resnet50': .* rates,",
        ),
        (
            with_model("unet", style={"nrom": "group"}),
            "nrom is invalid: expected a known name, such as 'norm'",
        ),
        (with_model("unet", style={"norm": "layer"}), "'layer'"),
    ],
)
def test_network_errors(config, message):
    with pytest.raises(ValueError, match=message):
        build_model(config, 3)


@pytest.mark.parametrize("command", [train, plan])
def test_another_network_leaves_the_options_of_the_first(command):
    """Not those that the line gives it; and the same network keeps its own."""
    line = ["--model.name", "fcn8s_vgg16", "--model.options.dropout", "0.1"]
    assert command.parse(line).run.model == ModelConfig("fcn8s_vgg16", {"dropout": 0.1})
    same = command.parse(["--model.name=unet", "--model.options.depth", "2"]).run.model
    assert same == ModelConfig("unet", {"width": 16, "depth": 2})


def test_style_comes_from_options_dtype_and_driver():
    model = build_model(
        from_dict(
            Config,
            {
                "model": {"name": "unet", "options": {"style": {"norm": "group"}}},
                "train": {"dtype": "bfloat16"},
            },
        ),
        3,
        axis_name="batch",
    )
    style = model.style
    assert (style.norm, style.dtype, style.axis_name) == ("group", "bfloat16", "batch")
