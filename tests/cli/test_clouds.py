"""Point clouds through the commands: train, resume, eval, predict."""

import json
import shutil

import jax
import numpy as np
import pytest

from jaxseg.cli.main import main
from jaxseg.config import LossConfig
from jaxseg.losses import LOSSES, build_objective
from jaxseg.tasks.point_clouds import cloud_loss
from jaxseg.training.run.metric_reader import read_metrics

CONFIG = """
from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

config = Config(
    model=ModelConfig(
        "point_transformer", {"widths": (8, 8), "blocks": (1, 1), "neighbors": (4, 4)}
    ),
    data=DataConfig(
        "rooms", num_points=64, point_jitter=0.005, train_split="train[:8]",
        eval_split="validation[:2]",
    ),
    optim=OptimConfig(learning_rate=0.01),
    train=TrainConfig(
        steps=4, batch_size=2, eval_batch_size=2, log_every=1, eval_every=4,
        save_every=2, num_overlays=1, report_images=0,
    ),
)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir):
    """A run of four steps, its configuration file, and the arguments of both."""
    root = tmp_path_factory.mktemp("clouds")
    (root / "config.py").write_text(CONFIG)
    more = ["--devices=1", f"--data.prepared-dir={data_dir}"]
    arguments = ["train", str(root / "config.py"), *more]
    assert main([*arguments, "--workdir", str(root / "run")]) == 0
    return root, arguments


def train_lines(folder):
    kept = ("step", "loss", "grad_norm", "learning_rate")
    return [{k: line[k] for k in kept} for line in read_metrics(folder, "train")]


@pytest.mark.slow
def test_a_run_learns_and_leaves_its_records(trained):
    root, _ = trained
    lines = read_metrics(root / "run", "train")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(0 < line["loss"] < 5 and line["grad_norm"] > 0 for line in lines)
    scores = read_metrics(root / "run", "eval")[-1]
    assert len(scores["iou"]) == 9 and 0 <= scores["mean_iou"] <= 1
    spec = json.loads((root / "run" / "dataset.json").read_text())
    assert spec["name"] == "rooms"
    (picture,) = (root / "run" / "overlays" / "00000004").iterdir()
    assert picture.suffix == ".ply" and picture.stat().st_size > 15_000


@pytest.mark.slow
def test_a_run_that_was_cut_goes_on_exactly(trained, capsys):
    """From the checkpoint of step 2, as if the run had ended before the last one."""
    root, arguments = trained
    cut = shutil.copytree(root / "run", root / "cut")
    shutil.rmtree(cut / "ckpt" / "4")
    metrics = cut / "metrics.jsonl"
    lines = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(x for x in lines if json.loads(x)["step"] < 3))
    capsys.readouterr()
    assert main([*arguments, "--workdir", str(cut)]) == 0
    assert "resuming at step 2 of 4" in capsys.readouterr().out
    assert train_lines(cut) == train_lines(root / "run")


@pytest.mark.slow
def test_eval_scores_the_run(trained, capsys):
    root, _ = trained
    target = root / "scores.json"
    run = str(root / "run")
    options = ("--batch-size=1", "--devices=1", "--scores", "all")
    assert main(["eval", run, *options, "-o", str(target)]) == 0
    found = json.loads(target.read_text())
    (line,) = read_metrics(root / "run", "eval")
    assert found["mean_iou"] == pytest.approx(line["mean_iou"])
    assert 0 <= found["image_iou"] <= found["image_dice"] <= 1
    assert "cohen_kappa" in found and "hausdorff" not in found
    assert "point_transformer at step 4" in capsys.readouterr().out


def cloud_file(path, count=100, seed=0):
    random = np.random.default_rng(seed)
    points = random.uniform(0, 3, (count, 3)).astype(np.float32)
    color = random.integers(0, 256, (count, 3)).astype(np.uint8)
    np.savez(path, points=points, color=color)
    return str(path)


@pytest.mark.slow
def test_predict_writes_labels_and_a_colored_cloud(trained, tmp_path):
    root, _ = trained
    cloud, out = cloud_file(tmp_path / "hall.npz"), tmp_path / "out"
    run = ["--workdir", str(root / "run"), "-o", str(out)]
    assert main(["predict", cloud, *run, "--probabilities"]) == 0
    with np.load(out / "hall.npz") as file:
        label, probability = file["label"], file["probabilities"]
        assert file["classes"][0] == "floor"
    assert label.shape == (100,) and label.dtype == np.uint8 and label.max() < 9
    np.testing.assert_allclose(probability.sum(-1), 1, atol=5e-3)
    best = np.take_along_axis(probability, label[:, None].astype(int), 1)[:, 0]
    np.testing.assert_array_equal(best, probability.max(-1))
    assert b"element vertex 100\n" in (out / "hall.ply").read_bytes()


@pytest.mark.slow
def test_predict_refuses_by_name(trained, tmp_path, capsys):
    root, _ = trained
    cloud, out = cloud_file(tmp_path / "hall.npz"), tmp_path / "out"
    bad = tmp_path / "bad.npz"
    np.savez(bad, points=np.zeros((4, 3)), color=np.zeros((4, 3)))
    run = ["--workdir", str(root / "run"), "-o"]
    for arguments, message in (
        ([cloud, *run, str(out), "--flip"], "flip=True is invalid for a network of"),
        ([cloud, *run, str(out), "--mode", "slide"], "mode='slide' is invalid for"),
        ([cloud, *run, str(tmp_path)], "would replace a cloud. Choose another -o"),
        ([str(bad), *run, str(out)], "expected points [N, 3] and colors uint8"),
        (
            [str(tmp_path / "no.npz"), *run, str(out)],
            "no.npz is invalid: expected an .npz file",
        ),
    ):
        assert main(["predict", *arguments]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", [n for n, loss in LOSSES.items() if loss.for_points and "ohem" not in n]
)
def test_a_loss_of_a_cloud_is_that_of_an_image_of_one_column(name):
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 9, 3)).astype(np.float32)
    label = random.integers(0, 3, (2, 9)).astype(np.int32)
    label[0, :3] = 255
    config = LossConfig(name)

    @jax.jit
    def both(logits, label):
        terms = cloud_loss(config)({"logits": logits}, {"label": label, "step": 0})
        batch = {"label": label[:, :, None], "step": 0}
        image = {"logits": logits[:, :, None]}
        return terms, build_objective(config)(image, batch)

    terms, expected = both(logits, label)
    jax.tree.map(np.testing.assert_array_equal, terms, expected)
    assert terms[name][0].size > 0


def test_losses_of_neighboring_pixels_are_refused():
    with pytest.raises(
        ValueError, match=r"loss.name='boundary' is invalid for point clouds"
    ):
        cloud_loss(LossConfig("cross_entropy", additional=(("boundary", 1.0),)))


def test_networks_and_data_must_fit(tmp_path, capsys):
    where = [
        "--workdir",
        str(tmp_path / "run"),
        "--data.prepared-dir",
        str(tmp_path / "data"),
    ]
    cloud = ["--model.name", "point_transformer", "--data.name", "shapes"]
    assert main(["train", *where, *cloud]) == 1
    assert (
        "data.name='shapes' is invalid: expected a dataset of point clouds"
        in capsys.readouterr().err
    )
    assert main(["train", *where, "--model.name", "unet", "--data.name", "rooms"]) == 1
    assert (
        "data.name='rooms' is invalid: expected a dataset of images"
        in capsys.readouterr().err
    )
