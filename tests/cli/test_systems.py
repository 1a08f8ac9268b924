"""pix2pix and the Probabilistic U-Net through the commands, as any network."""

import json
import shutil

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from PIL import Image

from jaxseg.checkpoints.reading import stored_leaves
from jaxseg.cli.main import main
from jaxseg.config import Config, LossConfig, ModelConfig, OptimConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.models.zoo import MODELS
from jaxseg.tasks import pix2pix as adversarial
from jaxseg.tasks import prob_unet as probabilistic
from jaxseg.tasks.functions import TrainingFunctions
from jaxseg.tasks.table import SEGMENTATION, TASKS, task_of
from jaxseg.training.run.metric_reader import read_metrics

SHORT = (
    "--data.scale-range", "1.0", "1.0",
    "--train.batch-size=4", "--train.eval-batch-size=4", "--train.steps=2",
    "--train.log-every=1", "--train.eval-every=2", "--train.save-every=2",
    "--train.num-overlays=1", "--train.report-images=0", "--devices=1",
)  # fmt: skip
PICTURES = (
    "--model.name=pix2pix_unet256",
    "--model.options.depth=3",
    "--model.options.width=4",
    "--model.options.layers=1",
    "--optim.beta1=0.5",
    "--data.train-split=train[:8]",
    "--data.eval-split=validation[:2]",
    "--data.crop", "32", "48",
)  # fmt: skip
PAPER = ("--loss.name=adversarial", "--loss.additional", "l1", "100.0")
LATENT = """
from jaxseg.config import Config, DataConfig, ModelConfig

config = Config(
    model=ModelConfig("prob_unet", {"widths": (4, 6), "convs": 1}),
    data=DataConfig(
        "raters", crop=(32, 32), train_split="train[:8]", eval_split="validation[:8]"
    ),
)
"""


@pytest.fixture(scope="module")
def train(data_dir, tmp_path_factory):
    """`train(*options, more=()) -> work directory`; of two steps by default."""

    def run(*options, more=()):
        work = tmp_path_factory.mktemp("run")
        where = (f"--workdir={work}", f"--data.prepared-dir={data_dir}")
        assert main(["train", *options, *where, *SHORT, *more]) == 0
        return work

    return run


@pytest.fixture(scope="module")
def players(data_dir, tmp_path_factory):
    """The arguments of a run of two players of four steps, and its directory."""
    work = tmp_path_factory.mktemp("players") / "run"
    where = f"--data.prepared-dir={data_dir}"
    options = [*PICTURES, *PAPER, *SHORT, "--train.steps=4", "--train.eval-every=4"]
    options += ["--train.num-overlays=0", where]
    assert main(["train", f"--workdir={work}", *options]) == 0
    return work, options


@pytest.fixture(scope="module")
def latent(train, tmp_path_factory):
    """A run of the Probabilistic U-Net."""
    file = tmp_path_factory.mktemp("config") / "config.py"
    file.write_text(LATENT)
    return train(str(file))


@pytest.mark.slow
def test_two_players_train_and_the_generator_is_scored(players, capsys):
    work, _ = players
    rows = read_metrics(work, "train")
    names = {"loss/real", "loss/fake", "loss/adversarial", "loss/l1", "accuracy"}
    assert names <= rows[-1].keys() and len(rows) == 4
    assert read_metrics(work, "eval")[-1]["mean_iou"] >= 0
    stored = stored_leaves(work / "ckpt" / "4")
    assert stored["params/discriminator/conv1/kernel"] == (4, 4, 10, 4)
    moments = [name for name in stored if name.startswith("opt_state/discriminator")]
    assert moments and any(name.startswith("opt_state/generator") for name in stored)
    spec = json.loads((work / "dataset.json").read_text())
    assert spec["mean"] == spec["std"] == [0.5, 0.5, 0.5]
    assert main(["eval", str(work), "--devices=1"]) == 0
    assert "mean IoU" in capsys.readouterr().out


@pytest.mark.slow
def test_two_players_go_on_exactly_where_they_were_stopped(players, tmp_path):
    """From the checkpoint of step 2 to the same parameters and moments at step 4."""
    whole, options = players
    cut = shutil.copytree(whole, tmp_path / "cut")
    shutil.rmtree(cut / "ckpt" / "4")
    more = ("--train.eval-every=0",)
    assert main(["train", f"--workdir={cut}", *options, *more]) == 0
    one, other = (arrays(work / "ckpt" / "4") for work in (whole, cut))
    assert one.keys() == other.keys()
    assert any("discriminator" in name and "opt_state" in name for name in one)
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


def arrays(folder):
    """Stored arrays of both players, by name."""
    with ocp.StandardCheckpointer() as reader:
        tree = reader.restore((folder / "state").absolute())
    parts = {name: tree[name] for name in ("params", "opt_state")}
    flat = jax.tree_util.tree_leaves_with_path(parts)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in flat}


@pytest.mark.slow
def test_photos_are_made_and_scored(train, capsys):
    work = train(*PICTURES, *PAPER, "--model.options.direction=labels_to_photo")
    row = read_metrics(work, "eval")[-1]
    assert 0 < row["l1"] < 2 and 0 < row["psnr"] < 40 and row["mean_iou"] is None
    (picture,) = (work / "overlays" / "00000002").iterdir()
    assert Image.open(picture).size == (3 * 128, 96)
    capsys.readouterr()
    assert main(["eval", str(work), "--devices=1"]) == 0
    assert f"l1 {row['l1']:.4f}" in capsys.readouterr().out
    image = work / "image.png"
    Image.new("RGB", (64, 64)).save(image)
    assert main(["predict", str(image), "-o", str(work), "--workdir", str(work)]) == 1
    assert "generates photos from label maps" in capsys.readouterr().err


@pytest.mark.slow
def test_the_generator_trains_alone_with_any_loss(train):
    one_step = ("--train.steps=1", "--train.eval-every=0", "--train.num-overlays=0")
    work = train(*PICTURES, more=one_step)
    assert "loss/cross_entropy" in read_metrics(work, "train")[-1]
    assert "params/discriminator/conv1/kernel" in stored_leaves(work / "ckpt" / "1")


@pytest.mark.slow
def test_raters_give_a_distance(latent, capsys):
    row = read_metrics(latent, "eval")[-1]
    assert row["ged"] > -1e-6 and 0 <= row["sample_diversity"] <= 1
    train_row = read_metrics(latent, "train")[-1]
    assert train_row["loss/kl"] > 0 and train_row["loss/cross_entropy"] > 0
    capsys.readouterr()
    assert main(["eval", str(latent), "--devices=1"]) == 0
    assert f"ged {row['ged']:.4f}" in capsys.readouterr().out


def test_predict_draws_samples(latent, tmp_path, capsys):
    image, out = tmp_path / "image.png", tmp_path / "out"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(image)
    command = ["predict", str(image), "-o", str(out), "--workdir", str(latent)]
    assert main([*command, "--samples=3"]) == 0
    names = {path.name for path in out.glob("*.png")}
    samples = {f"image_sample{k:02d}.png" for k in range(3)}
    assert names == {"image.png", "image_overlay.png", "image_entropy.png", *samples}
    for name in samples:
        with Image.open(out / name) as drawn:
            assert drawn.mode == "P" and drawn.size == (50, 40)
    with Image.open(out / "image_entropy.png") as spread:
        assert spread.mode == "L" and spread.size == (50, 40)
    assert main([*command, "--samples=3", "--mode=slide", "--window", "32", "32"]) == 1
    assert (
        "--samples 3 is invalid with --mode slide: expected --mode whole"
        in capsys.readouterr().err
    )


def test_a_network_without_a_latent_draws_no_samples(trained, tmp_path, capsys):
    image = tmp_path / "image.png"
    Image.new("RGB", (32, 32)).save(image)
    command = ["predict", str(image), "-o", str(tmp_path / "out")]
    assert main([*command, "--workdir", str(trained), "--samples=2"]) == 1
    assert "UNet has no latent" in capsys.readouterr().err


def test_each_player_has_its_patterns():
    params = {
        name: {"kernel": np.ones((2, 2))} for name in ("generator", "discriminator")
    }
    config = OptimConfig(
        "sgd", 0.1, momentum=0.0, weight_decay=0.0, schedule="constant",
        lr_multipliers=(("discriminator/.*", 3.0),), freeze=("generator/.*",),
    )  # fmt: skip
    players, schedule = adversarial.optimizers(config, 10)
    state = players.init(params)
    assert schedule(0) == pytest.approx(0.1)
    for name, step in (("generator", 0.0), ("discriminator", 0.3)):
        moved, _ = players.update_player(name, params[name], state, params)
        np.testing.assert_allclose(moved[name]["kernel"], 1 - step, rtol=1e-6)
        rest = jax.tree.map(np.array_equal, moved, params)
        assert sum(jax.tree.leaves(rest)) == (2 if step == 0 else 1)
    with pytest.raises(ValueError, match=r"'conv.*' is invalid: .* starts with one of"):
        adversarial.optimizers(OptimConfig(freeze=("conv.*",)), 10)


def test_photos_need_their_own_losses():
    config = Config(
        ModelConfig("pix2pix_unet256", {"direction": "labels_to_photo"}),
        loss=LossConfig("cross_entropy"),
    )
    with pytest.raises(ValueError, match="expected 'adversarial' or 'l1'"):
        adversarial.build(config, DATASETS["shapes"].spec, [])


def test_each_network_has_one_task_whose_modules_exist():
    assert task_of(Config()) is SEGMENTATION
    listed = [name for task in TASKS.values() for name in task.networks]
    assert set(listed) <= MODELS.keys() and len(set(listed)) == len(listed)
    for task in TASKS.values():
        for name in task.networks:
            assert task_of(Config(ModelConfig(name))) is task
        assert isinstance(task.training_module().TRAINING, TrainingFunctions)
        assert callable(task.prediction_module().open_files)


def test_raters_are_grouped_by_image():
    assert probabilistic.rater_groups(("b_r1", "a", "b_r0")) == {"b": [0, 2], "a": [1]}
    assert probabilistic.counted_classes(2) == (1,)
    assert probabilistic.counted_classes(3) == (0, 1, 2)
