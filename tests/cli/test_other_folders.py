"""`jaxseg eval` on a folder that the run was not trained on: its map, its classes."""

import json

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data.spec import DatasetSpec, generated_palette
from jaxseg.runs.directory import build_model, write_run
from jaxseg.training.optim import optimizers
from jaxseg.training.step.state import create_state

MODEL = ModelConfig("unet", {"width": 4, "depth": 1})
COUNTED = ("class_0", "class_1", "class_2")
SIDE = 16


@pytest.fixture(scope="module")
def checkpoint():
    """The state of a network of three classes that was never trained."""
    config = Config(model=MODEL)
    tx, _ = optimizers.build(config.optim, 1)
    model = build_model(config, 3)
    return create_state(model, tx, seed=0, image_shape=(1, SIDE, SIDE, 3))


@pytest.fixture
def make_run(tmp_path, checkpoint):
    """`make_run(trained, **data)`: a run on a folder that is gone by now."""

    def make(trained=COUNTED, **data):
        workdir = tmp_path / "run"
        data = DataConfig(
            "folder", raw_dir="/gone", prepared_dir=str(tmp_path / "data"), **data
        )
        palette = generated_palette(len(trained))
        spec = DatasetSpec("folder", trained, palette)
        write_run(workdir, Config(model=MODEL, data=data), spec)
        with Checkpoints(workdir / "ckpt") as checkpoints:
            checkpoints.save(1, checkpoint, meta={})
        return workdir

    return make


@pytest.fixture
def make_folder(tmp_path):
    """`make_folder(values, names=())`: validation data with a row of each value."""

    def make(values, names=()):
        root = tmp_path / "other"
        mask = np.repeat(np.array(values, np.uint8), SIDE).reshape(len(values), SIDE)
        for part, pixels in (("images", np.dstack([mask] * 3)), ("masks", mask)):
            folder = root / "validation" / part
            folder.mkdir(parents=True)
            Image.fromarray(pixels).save(folder / "a.png")
        if names:
            (root / "classes.txt").write_text("\n".join(names))
        return root

    return make


def evaluated(workdir, folder, output, *more):
    """Labeled rows of each class, and the class names, as `jaxseg eval` counts them."""
    arguments = (f"--data.raw-dir={folder}", "--devices=1", "--batch-size=1", *more)
    assert main(["eval", str(workdir), *arguments, "-o", str(output)]) == 0
    found = json.loads(output.read_text())
    return (np.sum(found["confusion"], axis=1) / SIDE).tolist(), found["classes"]


@pytest.mark.parametrize(
    ("data", "values", "rows"),
    [
        ({}, (0, 0, 0, 0), [4, 0, 0]),  # the higher classes are absent
        ({}, (2, 1, 1, 255), [0, 2, 1]),
        ({"labels": "0:void 1:0 2:1 3:2"}, (0, 1, 1, 2), [2, 1, 0]),
        ({"labels": ("0:0", "128:1", "255:2")}, (0, 255, 0, 0), [3, 0, 1]),
        ({"labels": "5:2 6:0", "classes": COUNTED}, (5, 5, 6, 5), [1, 0, 3]),
    ],
)
def test_the_map_and_the_classes_of_the_run_count(
    make_run, make_folder, tmp_path, data, values, rows
):
    workdir, folder = make_run(**data), make_folder(values)
    assert evaluated(workdir, folder, tmp_path / "s.json") == (rows, list(COUNTED))


def test_python_counts_the_same(make_run, make_folder):
    workdir = make_run(labels="0:void 1:0 2:1 3:2")
    folder = make_folder((0, 1, 1, 2))
    run = jaxseg.open_run(workdir, data={"path": str(folder)})
    assert run.evaluate()["pixels"].tolist() == [2 * SIDE, SIDE, 0]


def test_a_folder_may_be_coded_in_another_way(make_run, make_folder, tmp_path):
    workdir = make_run(labels="0:void 1:0 2:1 3:2")
    folder = make_folder((0, 100, 200, 255))
    option = ("--data.labels", "0:0", "100:1", "200:2", "255:void")
    rows, _ = evaluated(workdir, folder, tmp_path / "s.json", *option)
    assert rows == [1, 1, 1]


@pytest.mark.parametrize("data", [{}, {"classes": ("a", "b", "c")}])
def test_a_list_of_the_folder_must_be_that_of_the_run(
    make_run, make_folder, tmp_path, data, capsys
):
    workdir = make_run(("a", "b", "c"), **data)
    folder = make_folder((0, 1, 1, 1), ("b", "a", "c"))
    assert main(["eval", str(workdir), f"--data.raw-dir={folder}"]) == 1
    assert capsys.readouterr().err == (
        "jaxseg: data.name='folder' is invalid: expected a dataset with the classes "
        "that the network was trained on, 3 classes (the record of dataset 'folder'): "
        f"a, b, c, but it has 3 classes ({folder}/classes.txt): b, a, c. If the labels "
        "of the dataset stand for the classes of the network, pass --data.classes a "
        "b c.\n"
    )
    named = ("--data.classes", "a", "b", "c")
    rows, classes = evaluated(workdir, folder, tmp_path / "s.json", *named)
    assert (rows, classes) == ([1, 3, 0], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 1, 3), "the mask value 3 is not the label of a class"),
        ((0, 127), "the mask value 127 is not the label of a class"),
        ((0, 255), "--data.labels 0/255 if 255 is the object"),
    ],
)
def test_values_that_do_not_fit_the_run_are_refused(
    make_run, make_folder, capsys, values, message
):
    folder = make_folder(values)
    assert main(["eval", str(make_run()), f"--data.raw-dir={folder}"]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1


def test_a_list_with_a_byte_order_mark_equals_one_without(
    make_run, make_folder, tmp_path
):
    workdir = make_run(("\ufeffa", "b", "c"))  # as earlier versions read it
    folder = make_folder((0, 1, 1, 1), ("a", "b", "c"))
    rows, _ = evaluated(workdir, folder, tmp_path / "s.json")
    assert rows == [1, 3, 0]
