"""`jaxseg data`: statuses, the short forms, and the tools that describe and convert."""

import dataclasses
import json
import pathlib
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.data import train_command
from jaxseg.cli.data_options import check_command
from jaxseg.cli.main import main
from jaxseg.cli.train import parse
from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.data.datasets import DATASETS

GOLDEN = pathlib.Path(__file__).parents[1] / "golden/unet"


@pytest.fixture
def raw(tmp_path):
    """Two training pairs, of which the second has a mask value that is no class."""
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (tmp_path / "raw" / part).mkdir(parents=True)
    for name, top in (("a", 2), ("b", 9)):
        image = rng.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / f"raw/images/{name}.png")
        mask = rng.integers(0, top, (16, 16)).astype(np.uint8)
        Image.fromarray(mask).save(tmp_path / f"raw/masks/{name}.png")
    (tmp_path / "raw/classes.txt").write_text("ground\ncell\n")
    return tmp_path / "raw"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["check", "camvit"],
            "'camvit' is invalid: expected .* Similar datasets are camvid",
        ),
        (["check", "camvid"], "data.raw_dir=None is invalid: expected the folder"),
        (
            ["check", "tfds:pets"],
            "data.name='tfds:pets' is invalid: expected a dataset",
        ),
        (["check", "shapes"], "data.name='shapes' is invalid: .* is drawn"),
        (["check", "--data.workers", "-1"], "data.workers=-1 is invalid"),
        (["check", "--data.nmae", "x"], "--data.name"),
        (["chek"], "such as 'check'"),
    ],
)
def test_wrong_usage_has_status_two(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["data", *words])
    except SystemExit as end:
        status = end.code
    text = capsys.readouterr().err
    assert status == 2 and text.count("\n") == 1
    assert re.search(message, text)
    assert not list(tmp_path.iterdir())


def test_train_names_the_check_and_its_command_finds_the_file(raw, tmp_path, capsys):
    words = [
        f"--workdir={tmp_path / 'run'}",
        f"--data.prepared-dir={tmp_path / 'data'}",
    ]
    data = ["--data.name=folder", f"--data.raw-dir={raw}", "--data.eval-split=train"]
    assert main(["train", *words, *data]) == 1
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and "b.png: the mask value" in text
    command = text.strip().rpartition("run: jaxseg ")[2]
    assert command == f"data check {raw} --data.eval-split train"
    out = tmp_path / "out"
    assert main([*command.split(), "-o", str(out), "--json"]) == 1
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result == json.loads((out / "check.json").read_text())
    assert printed.err.strip() == result["verdict"]
    assert [f["files"][1] for f in result["findings"]] == [str(raw / "masks/b.png")]


def test_eval_names_the_check(raw, tmp_path, capsys):
    where = [f"--data.raw-dir={raw}", f"--data.prepared-dir={tmp_path / 'data'}"]
    where += ["--data.name=folder", "--data.eval-split=train"]
    assert main(["eval", str(GOLDEN), *where]) == 1
    text = capsys.readouterr().err
    assert "b.png: the mask value" in text and f"jaxseg data check {raw} " in text


def test_a_configuration_file_gives_the_data(raw, tmp_path):
    config = tmp_path / "config.py"
    config.write_text(
        "from jaxseg.config import Config, DataConfig\n"
        f"config = Config(data=DataConfig('folder', raw_dir={str(raw)!r}, "
        "classes=tuple('abcdefghi'), eval_split='train[:1]'))\n"
    )
    out = tmp_path / "out"
    assert main(["data", "check", str(config), "-o", str(out)]) == 0
    assert json.loads((out / "check.json").read_text())["classes"] == list("abcdefghi")


def test_the_command_repeats_the_options_that_differ():
    data = DataConfig("isbi", raw_dir="x", labels=((0, "void"), (1, 0)), range=(0, 9.5))
    expected = "--data.labels 0:void 1:0 --data.range 0 9.5"
    assert check_command(data) == (
        f"jaxseg data check --data.name isbi --data.raw-dir x {expected}"
    )


def test_every_dataset_is_listed_and_described(capsys):
    assert main(["data", "list"]) == 0
    listed = capsys.readouterr().out
    for name, record in DATASETS.items():
        assert f"  {name} " in listed and record.title in listed
        assert main(["data", "where", name]) == 0
        text = capsys.readouterr().out
        assert record.page in text and f"--data.name {name}" in text
        assert (record.files.split()[0] if record.files else "generated") in text
    assert main(["data", "where", "camvit"]) == 1
    assert "such as 'camvid'" in capsys.readouterr().err


def test_polygons_become_a_folder_that_training_reads(tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (10, 8), (9, 9, 9)).save(images / "a.png")
    square = [[2, 1], [6, 1], [6, 5], [2, 5]]
    shapes = [
        {"label": "cell", "shape_type": "polygon", "points": square},
        {
            "label": "dirt",
            "shape_type": "polygon",
            "points": [[0, 6], [10, 6], [10, 8], [0, 8]],
        },
    ]
    labelme = {
        "imagePath": "a.png",
        "imageHeight": 8,
        "imageWidth": 10,
        "shapes": shapes,
    }
    (tmp_path / "a.json").write_text(json.dumps(labelme))
    out = tmp_path / "out"
    words = ["data", "polygons", str(tmp_path / "a.json"), "--images", str(images)]
    more = [
        "--outside",
        "ground",
        "--void-labels",
        "dirt",
        "--classes",
        "ground",
        "cell",
    ]
    assert main([*words, "-o", str(out), *more]) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("train with: ")
    assert command == train_command(out, 1)
    config = DataConfig("folder", raw_dir=str(out), prepared_dir=str(tmp_path / "p"))
    source = open_source(config, "train")
    expected = np.zeros((8, 10), np.uint8)
    expected[1:5, 2:6], expected[6:] = 1, 255
    np.testing.assert_array_equal(source[0]["label"], expected)
    assert source.spec.classes == ("ground", "cell")
    one = ["--void-labels", "dirt"]
    assert main([*words, "-o", str(tmp_path / "one"), *one]) == 1
    message = "classes=('cell',) is invalid: expected at least two classes"
    assert message in capsys.readouterr().err and not (tmp_path / "one").exists()
    assert main([*words, "-o", str(out)]) == 1
    assert "is not empty: expected a new folder" in capsys.readouterr().err


def test_files_of_other_builders_are_named_by_train(capsys):
    assert main(["data", "where", "tfds:oxford_iiit_pet"]) == 1
    assert "`jaxseg train --data.name tfds:oxford_iiit_pet`" in capsys.readouterr().err


def test_the_option_of_a_missing_split_is_named(tmp_path, monkeypatch, capsys):
    """Both splits of a folder are checked when the first of them is opened."""
    monkeypatch.setenv("JAXSEG_DATA_DIR", str(tmp_path / "data"))
    root = tmp_path / "raw"
    for folder in ("train/images", "train/masks"):
        (root / folder).mkdir(parents=True)
        Image.new("L", (8, 8)).save(root / folder / "a.png")
    (root / "classes.txt").write_text("a\nb\n")
    words = ["train", "--data.name=folder", f"--data.raw-dir={root}"]
    words += ["--workdir", str(tmp_path / "run"), "--train.steps=1"]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "eval_split='validation'" in error and "train_split='" not in error
    halves = "--data.train-split 'train[:80%]' --data.eval-split 'train[80%:]'"
    assert f"pass {halves}." in error
    page = str(tmp_path / "check")
    assert main(["data", "check", str(root), "-o", page]) == 1
    assert f"pass {halves}." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, (1, 1)), (2, (1, 1)), (6, (5, 1)), (20, (18, 2))]
)
def test_the_printed_command_of_polygons_trains(count, sizes, tmp_path, capsys):
    images, files = tmp_path / "my images", tmp_path / "json"
    images.mkdir(), files.mkdir()
    ring = [[2, 1], [6, 1], [6, 5], [2, 5]]
    for name in map(str, range(count)):
        Image.new("RGB", (10, 8), (9, 9, 9)).save(images / f"{name}.png")
        shapes = [{"label": label, "points": ring} for label in ("cell", "ground")]
        stated = {"imagePath": f"{name}.png", "imageHeight": 8, "imageWidth": 10}
        (files / f"{name}.json").write_text(json.dumps(stated | {"shapes": shapes}))
    out = tmp_path / "new folder"
    words = ["data", "polygons", str(files), "--images", str(images), "-o", str(out)]
    assert main(words) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("train with: ")
    words = shlex.split(command)
    assert words[:2] == ["jaxseg", "train"]
    config = parse(words[2:]).run.data
    config = dataclasses.replace(config, prepared_dir=str(tmp_path / "p"))
    splits = config.train_split, config.eval_split
    assert tuple(len(open_source(config, split)) for split in splits) == sizes
