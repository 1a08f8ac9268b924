"""`jaxseg data audit` trains folds of a small folder and ranks its masks."""

import json

import pytest

from jaxseg.cli.main import main
from tests.audit.conftest import CLASSES, blocks, photo, save

CONFIG = """
from jaxseg.config import Config, DataConfig, ModelConfig, TrainConfig

config = Config(
    model=ModelConfig("unet", {{"width": 4, "depth": 1}}),
    data=DataConfig("folder", raw_dir="{raw}", prepared_dir="{prepared}", crop=(32, 32)),
    train=TrainConfig(steps=2, batch_size=2, eval_batch_size=2, num_overlays=0, report_images=0),
)
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration file on a folder of 8 training pairs, in an empty folder."""
    root = tmp_path / "raw"
    for seed, name in enumerate("abcdefghij"):
        save(root / ("train" if name < "i" else "val"), name, photo(seed), blocks(seed))
    (root / "classes.txt").write_text("\n".join(CLASSES))
    file = tmp_path / "small.py"
    file.write_text(CONFIG.format(raw=root, prepared=tmp_path / "prepared"))
    monkeypatch.chdir(tmp_path)
    return file


@pytest.mark.slow
def test_folds_are_trained_and_each_mask_is_ranked_once(config, capsys):
    words = f"data audit {config} --folds 2 --devices 1 --shown 3"
    assert main(words.split()) == 0
    folder, printed = config.parent, capsys.readouterr().out
    found = json.loads((folder / "data_audit" / "audit.json").read_text())
    assert sorted(mask["name"] for mask in found["masks"]) == list("abcdefgh")
    assert found["runs"] == [f"runs/small_audit/fold_{k}" for k in (0, 1)]
    assert found["verdict"] == printed.splitlines()[-1]
    page = (folder / "data_audit" / "index.html").read_text()
    assert 1 <= page.count("data:image/jpeg;base64,") <= 3
    assert main(["data", "audit", *found["runs"], "-o", "again"]) == 0
    again = json.loads((folder / "again" / "audit.json").read_text())
    assert again["masks"] == found["masks"]
    capsys.readouterr()
    assert main(["data", "audit", found["runs"][0]]) == 1
    assert "4 of the 8 examples of 'train'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["small.py"], "Pass --folds 2, or the directories of runs."),
        (["a", "b", "--folds", "2"], "folds=2 is invalid"),
        (["a", "--data.raw-dir", "b"], "Leave them out."),
        ([], "target='' is invalid: expected one configuration file"),
    ],
)
def test_targets_that_do_not_fit_the_options_are_refused(
    config, words, message, capsys
):
    assert main(["data", "audit", *words]) == 1
    assert message in capsys.readouterr().err
