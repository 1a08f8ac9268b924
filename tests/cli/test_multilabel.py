"""Overlapping classes and one logit: train, eval and predict by command."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from jaxseg.config import Config, LossConfig, ModelConfig
from jaxseg.tasks.checks import check

TINY = (
    "--model.name=unet", "--model.options.width=4", "--model.options.depth=1",
    "--model.output=sigmoid", "--data.crop", "16", "24", "--train.batch-size=4",
    "--train.steps=2", "--train.num-overlays=1", "--train.report-images=0", "--devices=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Four images with two classes of overlapping blocks."""
    root, random = tmp_path_factory.mktemp("multilabel"), np.random.default_rng(1)
    for i in range(4):
        image = random.integers(0, 256, (16, 24, 3)).astype(np.uint8)
        image[:8, :, 0] = image[:, 6:18, 2] = 255
        masks = np.zeros((2, 16, 24), np.uint8)
        masks[0, :8] = masks[1, :, 6:18] = 255
        parts = {"images": image, "masks/top": masks[0], "masks/middle": masks[1]}
        for split in ("train", "validation"):
            for part, pixels in parts.items():
                folder = root / split / part
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return root


def calibrated(run, root, out, tmp_path, classes):
    """The scores of the probabilities are those of the written files."""
    assert main(["calibrate", str(run), "--method=vector"]) == 0
    stored = json.loads((run / "calibration.json").read_text())
    assert len(stored["weight"]) == len(stored["bias"]) == 2
    assert stored["after"]["log_loss"] < stored["before"]["log_loss"]
    scores = tmp_path / "calibration_scores.json"
    assert main(["eval", str(run), f"-o{scores}", "--calibration"]) == 0
    files = [np.load(out / f"{i}.npz")["probabilities"] for i in range(4)]
    folders = [root / "validation" / "masks" / name for name in classes]
    masks = [
        np.stack([np.asarray(Image.open(f / f"{i}.png")) > 0 for f in folders], -1)
        for i in range(4)
    ]
    squared = (np.stack(files).astype(np.float64) - np.stack(masks)) ** 2
    found = json.loads(scores.read_text())["calibration"]
    assert found["predictions"] == squared.size
    assert found["brier"] == pytest.approx(squared.mean(), abs=1e-3)
    assert main(["eval", str(run), f"-o{scores}", "--calibration", "--calibrated"]) == 0
    after = json.loads(scores.read_text())["calibration"]
    assert after["log_loss"] < found["log_loss"]


@pytest.mark.slow
def test_from_a_folder_to_masks(root, tmp_path, capsys):
    """The scores are those of the written masks, counted here."""
    run, out = tmp_path / "run", tmp_path / "out"
    data = (f"--data.raw-dir={root}", f"--data.prepared-dir={tmp_path / 'data'}")
    words = ["train", f"--workdir={run}", "--data.name=multilabel_folder", *data, *TINY]
    assert main([*words, "--loss.additional", "lovasz_hinge", "0.5"]) == 0
    assert list((run / "overlays").rglob("*.png"))
    scores = tmp_path / "scores.json"
    assert main(["eval", str(run), f"-o{scores}", "--threshold=0.4"]) == 0
    assert "mean precision" in capsys.readouterr().out
    assert main(["eval", str(run), "--scores", "image"]) == 1
    assert "classes of this dataset can overlap" in capsys.readouterr().err
    images = str(root / "validation" / "images")
    more = (f"-o{out}", f"--workdir={run}", "--threshold=0.4", "--probabilities")
    assert main(["predict", images, *more]) == 0
    found = json.loads(scores.read_text())
    assert found["classes"] == ["middle", "top"]
    assert found["states"] == ["no middle", "middle", "no top", "top"]
    for k, name in enumerate(found["classes"]):
        masks = [np.asarray(Image.open(out / name / f"{i}.png")) for i in range(4)]
        folder = root / "validation" / "masks" / name
        truth = [np.asarray(Image.open(folder / f"{i}.png")) for i in range(4)]
        guess, truth = np.stack(masks) > 0, np.stack(truth) > 0
        assert set(np.unique(masks)) <= {0, 255}
        assert found["iou"][k] == (guess & truth).sum() / (guess | truth).sum()
        soft = np.load(out / "0.npz")["probabilities"][..., k]
        clear = abs(soft - 0.4) > 1e-3  # The file rounds to 16 bits.
        np.testing.assert_array_equal((soft > 0.4)[clear], guess[0][clear])
    calibrated(run, root, out, tmp_path, found["classes"])
    assert Image.open(out / "0_overlay.png").size == (24, 16)
    assert main(["predict", images, f"-o{out}", f"--workdir={run}", "--crf"]) == 1
    assert "crf=True is invalid for a network whose classes" in capsys.readouterr().err
    words = ("multilabel_folder", *data)
    assert main(["data", "show", *words, f"-o{out}", "--data.crop", "16", "24"]) == 0
    assert (out / "000007_overlay.png").is_file()
    assert main(["data", "check", *words, f"-o{tmp_path / 'check'}"]) == 0
    assert "ACCEPTED: 0 errors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model.output=softmax",), "'softmax' is invalid: expected 'sigmoid', beca"),
        (("--loss.name=lovasz_softmax",), "'lovasz_softmax' is invalid: expected with"),
        (("--loss.name=lovas_hinge",), "such as 'lovasz_hinge'"),
    ],
)
def test_wrong_combinations_get_one_line(root, tmp_path, capsys, options, message):
    where = (f"--workdir={tmp_path / 'run'}", f"--data.raw-dir={root}")
    name = ("--data.name=multilabel_folder", f"--data.prepared-dir={root / 'data'}")
    assert main(["train", *where, *name, *TINY, *options]) == 1
    text = capsys.readouterr().err
    assert message in text and text.strip().count("\n") == 0, text
    assert not (tmp_path / "run").exists()


def test_other_tasks_keep_the_softmax():
    model = ModelConfig("prob_unet", output="sigmoid")
    with pytest.raises(ValueError, match=r"expected 'softmax' for model.name='prob_un"):
        check(Config(model=model))
    with pytest.raises(ValueError, match="'lovasz_hinge' is invalid: expected with mo"):
        check(Config(model=ModelConfig("unet"), loss=LossConfig("lovasz_hinge")))
