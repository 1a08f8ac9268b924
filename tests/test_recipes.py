"""The recipes of papers: every stage is whole, and trains two steps."""

import dataclasses
import json
import pathlib

import pytest

from jaxseg.cli import train
from jaxseg.config import ModelConfig, TrainConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.runs.config_file import execute_file
from jaxseg.runs.directory import build_model
from jaxseg.tasks.checks import check
from jaxseg.training.optim import optimizers as optim
from jaxseg.weights.model_variables import variable_shapes
from tests.contract.rows import ROWS
from tests.tiers import tiered

ROOT = pathlib.Path(__file__).parent.parent / "experiments"
FILES = [*sorted((ROOT / "recipes").glob("*.py"))]
FILES += [ROOT / "camvid_scratch" / "fc_densenet.py"]
STAGES = {
    f"{file.stem}-{name}": config
    for file in FILES
    for name, config in execute_file(file).stages.items()
}


USUAL = {
    *("deeplabv3-trainval_os8", "fcn-fcn8s", "unet-config", "bisenet-config"),
    *("hrnet_ocr-config", "pspnet-config", "setr-mla"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", tiered(STAGES, USUAL))
def test_every_stage_is_whole(name):
    """All options are allowed, and all patterns match parameters of the network."""
    config = STAGES[name]
    check(config)
    spec = DATASETS[config.data.name].choose(config.data.variant).spec
    assert {*config.data.oversample_classes} <= {*spec.classes}
    model = build_model(config, spec.num_classes)
    tx, rate = optim.build(config.optim, config.train.steps)
    tx.init(variable_shapes(model)["params"])
    assert float(rate(0)) == pytest.approx(config.optim.learning_rate)
    assert rate(config.train.steps - 1) <= rate(0)


def test_the_stages_of_deeplab_are_those_of_the_paper():
    first, second, third = (
        STAGES[f"deeplabv3-{name}"]
        for name in ("config", "trainval_os8", "hard_classes")
    )
    assert [s.model.options["output_stride"] for s in (first, second)] == [16, 8]
    assert [s.optim.learning_rate for s in (first, second)] == [0.007, 0.001]
    assert "norm" not in first.model.options["style"]
    assert second.model.options["style"] == {"norm": "frozen"}
    assert (first.data.variant, second.data.variant) == (("trainaug",), ("train",))
    assert second.data.train_split == "train+validation"
    assert len(third.data.oversample_classes) == 5


def test_the_index_lists_every_recipe():
    index = (ROOT / "recipes" / "README.md").read_text()
    assert all(f"({file.name})" in index for file in FILES[:-1])


def narrowed(config):
    """Two steps of a stage with a narrow network, on generated scenes."""
    name = config.model.name
    row = ROWS[name]
    narrow = dict(ROWS[row.get("same_as", name)]["narrow"])
    if name == "mask2former_resnet50":
        del narrow["heads"]  # of Swin, which covers this network
    options = {**config.model.options, **narrow}
    classes = ("disc", "wire")[: len(config.data.oversample_classes)]
    data = dataclasses.replace(
        config.data,
        name="shapes",
        variant=(),
        crop=(96, 96),
        oversample_classes=classes,
        train_split=config.data.train_split.replace("train", "train[:8]"),
        eval_split="validation[:2]",
    )
    two = TrainConfig(
        steps=2,
        batch_size=2,
        eval_batch_size=2,
        log_every=1,
        num_overlays=0,
        report_images=0,
    )
    return dataclasses.replace(
        config, model=ModelConfig(name, options), data=data, train=two
    )


@pytest.mark.parametrize("name", tiered(STAGES, {"unet-config"}))
def test_two_steps(name, tmp_path):
    assert train.execute(narrowed(STAGES[name]), tmp_path, count=1) == 0
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if "loss" in row]
    assert [row["step"] for row in rows] == [1, 2]
    assert all(0 < row["loss"] < 1e4 for row in rows)
