"""`jaxseg` on a dataset of a builder that the user has written."""

import json
import shutil
import textwrap

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main

ROOFS = """
import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


class CityRoofs(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.2.0")

    def _info(self):
        kinds = tfds.features
        features = {
            "view": kinds.Image(shape=(32, 32, 3)),
            "roofs": kinds.Tensor(shape=(32, 32), dtype=np.uint8),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=kinds.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._examples(8), "test": self._examples(2)}

    def _examples(self, count):
        for number in range(count):
            rng = np.random.default_rng(number)
            roofs = rng.integers(1, 4, (32, 32)).astype(np.uint8)
            view = io.BytesIO()
            Image.fromarray(np.dstack([roofs * 60] * 3)).save(view, "PNG")
            view.seek(0)
            yield number, {"view": view, "roofs": roofs}

    def _generate_examples(self):
        raise NotImplementedError
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with the user's module `city_roofs.py`."""
    root = tmp_path_factory.mktemp("roofs")
    (root / "city_roofs.py").write_text(textwrap.dedent(ROOFS))
    return root


def words(home, *more):
    return [
        "train", f"--workdir={home / 'run'}", "--data.name=tfds:city_roofs",
        f"--data.prepared-dir={home / 'data'}", "--data.eval-split=test",
        "--data.module=city_roofs", "--data.labels", "1:0", "2:1", "3:void",
        "--data.crop", "32", "32", "--model.name=unet", "--model.options.width=4",
        "--model.options.depth=1", "--train.steps=2", "--train.batch-size=4",
        "--train.eval-batch-size=2", "--train.log-every=1", "--train.eval-every=2",
        "--train.save-every=2", "--train.num-overlays=0", "--train.report-images=0", "--devices=1", *more,
    ]  # fmt: skip


def refused(arguments, capsys):
    """The one line of an error."""
    capsys.readouterr()
    assert main(arguments) == 1
    text = capsys.readouterr().err
    assert text.count("\n") == 1, text
    return text


@pytest.mark.slow
def test_train_eval_predict_and_resume(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    text = refused(words(home, "--data.label=roof"), capsys)
    assert (
        "data.label='roof' is invalid: expected a known name, such as 'roofs'." in text
    )
    text = refused(words(home, "--data.labels", "1:0", "2:1"), capsys)
    assert "split 'train', example 0: the mask value 3 is not in the label map" in text
    assert not (home / "run").exists()

    assert main(words(home)) == 0
    inferred = (
        "tfds:city_roofs:1.2.0: the feature 'view' is read as image, and the feature "
        "'roofs' is read as mask"
    )
    printed = capsys.readouterr().out
    assert inferred in printed and "2 classes (--data.labels)" in printed
    spec = json.loads((home / "run/dataset.json").read_text())
    assert ["builder", "city_roofs:1.2.0"] in spec["source"]

    again = ["eval", str(home / "run"), "-o", str(home / "scores.json")]
    assert "pass --data.module city_roofs." in refused(again, capsys)
    assert main([*again, "--data.module=city_roofs"]) == 0
    assert inferred in capsys.readouterr().out
    scores = json.loads((home / "scores.json").read_text())
    expected = [0, 0]
    for number in range(2):
        roofs = np.random.default_rng(number).integers(1, 4, (32, 32))
        expected = [expected[k] + int((roofs == k + 1).sum()) for k in (0, 1)]
    assert np.sum(scores["confusion"], axis=1).tolist() == expected

    picture, out = home / "view.png", home / "out"
    Image.fromarray(np.full((32, 32, 3), 60, np.uint8)).save(picture)
    assert (
        main(["predict", f"--workdir={home / 'run'}", "-o", str(out), str(picture)])
        == 0
    )

    more = ("--train.steps=3", "--train.save-every=1")
    assert main(words(home, *more, "--data.module=./city_roofs.py")) == 0
    text = refused(words(home, *more, "--data.labels", "1:1", "2:0", "3:void"), capsys)
    assert "data.labels" in text
    shutil.copy(home / "run/dataset.json", home / "kept.json")
    other = json.dumps(spec).replace("city_roofs:1.2.0", "city_roofs:1.1.0")
    (home / "run/dataset.json").write_text(other)
    text = refused(words(home, *more, "--train.steps=4"), capsys)
    assert "builder: 'city_roofs:1.1.0' there, 'city_roofs:1.2.0' here" in text
