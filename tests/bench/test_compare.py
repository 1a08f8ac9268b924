"""`jaxseg compare`: checkpoints of torchvision, smp and MMSegmentation, and errors."""

import functools
import importlib
import json
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from jaxseg import weights
from jaxseg.bench import pytorch
from jaxseg.bench.compare import pair as pairs
from jaxseg.bench.compare import preprocessing
from jaxseg.cli.main import main
from jaxseg.data.drawings.shapes import draw_scene
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.translate.convert import flatten

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow
QUICK = ("--seconds", "0", "--no-effects")
KERNEL = "params/backbone/block3/depthwise/conv/kernel"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "scene.png"
    Image.fromarray(draw_scene(np.random.default_rng(3), (64, 96))[0]).save(path)
    return path


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """`save(build, name, run=None)` stores a network with random weights."""
    if not pytorch.installed("torchvision"):
        pytest.skip("torchvision is not installed")
    peers = importlib.import_module("tests.parity.peers")

    def stored(net, name, run=None):
        path = tmp_path_factory.mktemp("checkpoint") / name
        torch.save(peers.randomize(net, run=run).state_dict(), path)
        return path

    return stored


@pytest.fixture(scope="module")
def checkpoint(save):
    make = pytorch.torchvision().models.segmentation.lraspp_mobilenet_v3_large
    net = make(weights=None, weights_backbone=None, num_classes=5)
    return save(net, "lraspp.pth")


@pytest.fixture(scope="module")
def pair(checkpoint):
    return pairs.open_pair(str(checkpoint), Wanted())


@pytest.fixture(scope="module")
def converted(checkpoint, pair):
    """The imported weights of the checkpoint in a file, as `jaxseg convert` writes."""
    path = checkpoint.with_suffix(".safetensors")
    weights.write(path, flatten(pair.variables))
    return path


def compare(*arguments):
    return main(["compare", *map(str, arguments)])


def one_line(capsys):
    text = capsys.readouterr().err.strip()
    assert text.startswith("jaxseg: ") and len(text.splitlines()) == 1, text
    return text


def test_torchvision(checkpoint, pair, converted, image, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--imported", converted, "--seconds", "0.1")
    assert compare(checkpoint, image, "-o", out, *options) == 0
    printed = capsys.readouterr().out
    assert "whose weights equal those of the checkpoint" in printed
    assert "The logits agree within" in printed and "shorter side 520" in printed
    found = json.loads((out / "compare.json").read_text())
    row = found["images"][0]
    assert found["passed"] and row["relative_difference"] <= 1e-4
    assert row["equal_labels"] == 1.0 and row["size"] == [64, 96]

    # The numbers once more, by the two libraries alone.
    pixels = np.asarray(Image.open(image))
    mean, std = (np.float32(v) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    inputs = ((pixels / np.float32(255) - mean) / std)[None]
    make = pytorch.torchvision().models.segmentation.lraspp_mobilenet_v3_large
    net = make(weights=None, weights_backbone=None, num_classes=5).eval()
    net.load_state_dict(torch.load(checkpoint))
    with torch.no_grad():
        want = net(torch.from_numpy(inputs.transpose(0, 3, 1, 2)))["out"]
    want = want.numpy().transpose(0, 2, 3, 1)
    apply = jax.jit(functools.partial(pair.network.model.apply, train=False))
    got = np.asarray(apply(pair.variables, inputs)["logits"])
    largest = np.abs(want - got).max()
    assert largest / np.abs(want).max() <= 1e-4
    assert row["largest_difference"] <= 1e-4 * np.abs(want).max()

    size = row["preprocessing"]["size"]  # torchvision enlarges the image
    assert 0 < size["equal"] < 1 and size["largest"] > 100 * largest
    assert set(row["preprocessing"]) == {"size"}
    speed = found["speed"]
    assert speed["first_jaxseg"] > speed["jaxseg"] > 0
    assert speed["ratio"] == np.median(speed["ratios"])
    page = (out / "index.html").read_text()
    assert page.count("data:image/png") == 1 and "lraspp.pth" in page
    assert Image.open(out / "scene_compare.png").width > 1000


def test_the_preprocessing_is_that_of_torchvision(pair, image):
    models = pytorch.torchvision().models
    preset = models.get_model_weights("lraspp_mobilenet_v3_large").DEFAULT.transforms()
    want = preset(Image.open(image)).numpy().transpose(1, 2, 0)
    got = preprocessing.of_library(pair)(np.asarray(Image.open(image)))[0]
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1.01 / 255 / 0.224  # one step of 8 bits


def test_a_changed_weight_is_found(checkpoint, converted, image, tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    arrays = dict(weights.read(converted))
    arrays[KERNEL] = arrays[KERNEL] + 0.5
    weights.write(bad, arrays)
    assert compare(checkpoint, image, "--imported", bad, "-o", tmp_path, *QUICK) == 1
    printed = capsys.readouterr()
    assert f"1 variable differs: {KERNEL}" in printed.out
    assert "first layer whose output differs is backbone.3.block.1.0" in printed.err
    found = json.loads((tmp_path / "compare.json").read_text())
    assert not found["passed"] and found["changed_variables"] == [KERNEL]
    assert found["layer"]["ours"] == "backbone/block3/depthwise/conv"


def test_an_option_that_differs_is_found(checkpoint, image, tmp_path, capsys):
    """All weights fit, but the rates of the last blocks are other ones."""
    arguments = ("-o", tmp_path, "--model.options.eager_rate", "false", *QUICK)
    assert compare(checkpoint, image, *arguments) == 1
    assert "an option of the network differs" in capsys.readouterr().err


def test_smp_pads_the_image(save, image, tmp_path, capsys):
    if not pytorch.installed("segmentation_models_pytorch"):
        pytest.skip("segmentation_models_pytorch is not installed")
    net = pytorch.smp().Unet("resnet18", encoder_weights=None, classes=1)
    path = save(net, "unet.pth")
    arguments = ("-o", tmp_path, "--size", "50", "70", "--seconds", "0")
    assert compare(path, image, *arguments) == 0
    printed = capsys.readouterr().out
    assert "padded to 64 x 96 pixels after it was resized to 50 x 70" in printed
    row = json.loads((tmp_path / "compare.json").read_text())["images"][0]
    assert row["relative_difference"] <= 1e-4 and row["size"] == [50, 70]
    assert row["preprocessing"] == {}


def test_mmsegmentation(save, image, tmp_path):
    if not pytorch.installed("mmseg"):
        pytest.skip("mmseg is not installed")
    peers = importlib.import_module("tests.parity.peers")
    pytorch.mmseg()
    from jaxseg.weights.catalog import mmseg_peer

    net = mmseg_peer.build("_base_/models/bisenetv1_r18-d32", {}, {}, num_classes=4)
    path = save(net, "bisenet.pth", peers.mmseg_forward)
    assert compare(path, image, "-o", tmp_path, *QUICK) == 0
    row = json.loads((tmp_path / "compare.json").read_text())["images"][0]
    assert row["relative_difference"] <= 1e-4 and row["equal_labels"] == 1.0


def test_errors_take_one_line(checkpoint, image, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights.write(tmp_path / "unknown.pth", {"a.b": np.ones(3, np.float32)})
    names = next(row for row in weights.SOURCES if row.name == "ResNet").has
    weights.write(tmp_path / "resnet.pth", dict.fromkeys(names, np.ones(3)))
    for arguments, text in [
        ((image, image), "is a PNG image, not a checkpoint"),
        (("unknown.pth", image), "contains an unknown network"),
        (("resnet.pth", image), "`jaxseg compare` needs a whole network"),
        ((checkpoint, image, "--num-classes", "7"), "num_classes=7 is invalid"),
        ((checkpoint, "missing.png"), "cannot be read"),
    ]:
        assert compare(*arguments) == 1
        assert text in one_line(capsys)
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("missing", ["torch", "torchvision.models.segmentation"])
def test_what_to_install(checkpoint, image, capsys, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert compare(checkpoint, image) == 1
    text = one_line(capsys)
    assert f"{missing.partition('.')[0]} cannot be imported" in text
    assert "Install it with `pip install torch torchvision`." in text
