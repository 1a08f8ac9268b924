"""`model.backbone`: checked before a run, stored with it, and reopened."""

import numpy as np
import pytest

import jaxseg
from jaxseg.cli import train as cli
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.runs.checks import check
from jaxseg.runs.directory import read_config
from jaxseg.runs.serialize import from_dict, to_dict

NARROW = {"width": 4, "blocks": (1, 1, 1, 1)}
TINY = {"backbone_options": NARROW}
PAIR = f"""
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig

config = Config(
    model=ModelConfig("fcn", {TINY}, backbone="resnet18"),
    data=DataConfig(crop=(32, 32), eval_split="validation[:2]"),
    train=TrainConfig(
        steps=2, batch_size=2, eval_batch_size=2, eval_every=2, save_every=2,
        num_overlays=0, report_images=0,
    ),
)
"""


@pytest.mark.slow
def test_a_pair_trains_and_is_reopened(tmp_path, drawn_data):
    file, workdir = tmp_path / "pair.py", tmp_path / "run"
    file.write_text(PAIR)
    where = [f"--workdir={workdir}", f"--data.prepared-dir={drawn_data}"]
    assert main(["train", str(file), *where, "--devices=1"]) == 0
    model = ModelConfig("fcn", TINY, backbone="resnet18")
    assert read_config(workdir).model == model
    run = jaxseg.open_run(workdir)
    assert (run.step, run.config.model.title) == (2, "fcn on resnet18")
    labels = run.predict(np.zeros((40, 48, 3), np.uint8)).labels
    assert labels.shape == (40, 48)


def test_the_command_line_takes_a_backbone():
    line = ["--model.name", "pspnet", "--model.backbone", "vgg16"]
    line += ["--model.options.backbone-options.batch-norm", "true"]
    model = cli.parse(line).run.model
    assert (model.name, model.backbone) == ("pspnet", "vgg16")
    assert model.options == {"backbone_options": {"batch_norm": True}}


def test_another_backbone_leaves_the_options_of_the_former(tmp_path):
    file = tmp_path / "pair.py"
    file.write_text(
        "from jaxseg.config import Config, ModelConfig\n"
        "options = {'backbone_options': {'depth': 50}}\n"
        "config = Config(ModelConfig('fcn', options, 'hrnet_w18'))\n"
    )
    model = cli.parse([str(file), "--model.backbone", "vgg16"]).run.model
    assert model == ModelConfig("fcn", {}, "vgg16")


def test_configurations_without_the_field_are_read():
    stored = to_dict(Config())
    del stored["model"]["backbone"]
    assert from_dict(Config, stored) == Config()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ModelConfig("fcn", {}, "resnet5"), "model.backbone='resnet5' .* resnet50"),
        (ModelConfig("fcn"), "model.backbone=None is invalid"),
        (ModelConfig("fcnn", {}, "vgg16"), "model.name='fcnn' is invalid"),
        (ModelConfig("cspn", {}, "hrnet_w18"), "model.backbone='hrnet_w18' .* no c1"),
        (ModelConfig("segnet", {}, "vgg16"), "expected None for the preset 'segnet'"),
        (
            ModelConfig("fcn", {"output_stride": 8}, "hrnet_w18"),
            "model.options.output_stride=8 is invalid: expected one of 32",
        ),
        (
            ModelConfig("upernet", {"neck": "fpn"}, "vitb16"),
            "model.options.neck='fpn' is invalid: expected None or 'multilevel'",
        ),
        (
            ModelConfig("fcn", {"backbone_options": {"width": "a"}}, "resnet50"),
            "model.options.backbone_options.width='a' is invalid",
        ),
        (
            ModelConfig("fcn", {"backbone_options": {"wide": 3}}, "resnet50"),
            "model.options.backbone_options.wide is invalid: expected one of the options of "
            "'resnet50': .*'width'",
        ),
        (ModelConfig("fcn", {"backbone_options": 3}, "resnet50"), "a dictionary"),
        (
            ModelConfig("fcn", {"conv": 3}, "resnet50"),
            "conv is invalid for 'fcn'.*'convs'",
        ),
        (ModelConfig("fcn", {"convs": "a"}, "resnet50"), "model.options.convs='a'"),
        (ModelConfig("deeplabv3_resnet50", {"aux": "yes"}), "model.options.aux='yes'"),
        (ModelConfig("pspnet_resnet50", {"eager_rate": 3}), "expected True or False"),
    ],
)
def test_what_cannot_be_built_is_refused(model, message):
    with pytest.raises(ValueError, match=message) as error:
        check(Config(model=model))
    assert "\n" not in str(error.value)
