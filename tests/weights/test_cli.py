"""Tests `jaxseg convert` in both directions."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxseg import create_model, weights
from jaxseg.cli import convert, predict
from jaxseg.weights.catalog.maps import torchvision_fcn, torchvision_resnet
from jaxseg.weights.translate.convert import flatten

NARROW = ["--model.options.width", "8", "--model.options.blocks", "1", "1", "1", "1"]


@pytest.fixture(scope="module")
def source(fill):
    """Returns variables and PyTorch state dict of a narrow fcn_resnet50 with 21
    classes.
    """
    model = create_model("fcn_resnet50", 21, width=8, blocks=(1, 1, 1, 1))
    variables = fill(model, (1, 64, 64, 3))
    return variables, weights.to_torch(variables, torchvision_fcn.MAP)


def same(path, variables):
    """Returns whether the weights in a file or directory are equal to these."""
    got, want = weights.read(path), flatten(variables)
    got = flatten(got) if "params" in got else got
    return got.keys() == want.keys() and all(
        np.array_equal(got[key], want[key]) for key in want
    )


@pytest.mark.slow
def test_a_checkpoint_and_an_image_to_a_mask(tmp_path, source, capsys):
    """Two commands suffice: they find the network, its classes and normalization."""
    variables, state = source
    weights.write(tmp_path / "fcn.pth", state)
    run = tmp_path / "run"
    assert convert.main([str(tmp_path / "fcn.pth"), "-o", str(run), *NARROW]) == 0
    text = capsys.readouterr().out
    assert "fcn_resnet50, 21 classes" in text
    assert (
        "torchvision FCN" in text and f"tensors     {len(flatten(variables))}" in text
    )
    assert same(run, variables)
    card = weights.read_card(run)
    assert card.classes[15] == "person" and len(card.classes) == 21
    assert card.options == {"width": 8, "blocks": [1, 1, 1, 1]}
    assert card.normalization == weights.Normalization() and len(card.sha256) == 64
    assert json.loads((run / "dataset.json").read_text())["classes"][15] == "person"
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(tmp_path / "a.png")
    masks = tmp_path / "masks"
    arguments = [str(tmp_path / "a.png"), "--workdir", str(run), "-o", str(masks)]
    assert predict.main(arguments) == 0
    mask = np.asarray(Image.open(masks / "a.png"))
    assert mask.shape == (40, 50) and mask.max() < 21


@pytest.mark.slow
def test_out_again_under_pytorch_names(tmp_path, source):
    variables, state = source
    weights.write(tmp_path / "fcn.pth", state)
    run, out = tmp_path / "run", tmp_path / "out.pth"
    convert.main([str(tmp_path / "fcn.pth"), "-o", str(run), *NARROW])
    convert.main([str(run), "-o", str(out), "--export-names", "torchvision"])
    again = weights.read(out)
    assert again.keys() == state.keys()
    assert all(np.array_equal(again[key], state[key]) for key in state)
    ours = tmp_path / "ours.safetensors"
    convert.main([str(run), "-o", str(ours)])
    assert same(ours, variables)
    back = tmp_path / "back"
    convert.main([str(ours), "-o", str(back), "--model", "fcn_resnet50", *NARROW])
    assert same(back, variables)


def test_a_classifier_needs_a_network_a_part_and_classes(tmp_path, source):
    variables, _ = source
    trunk = {c: variables[c]["backbone"] for c in ("params", "batch_stats")}
    state = weights.to_torch(trunk, torchvision_resnet.BACKBONE)
    path, run = tmp_path / "resnet.safetensors", tmp_path / "run"
    weights.write(path, state)
    arguments = [str(path), "-o", str(run)]
    more = {
        "--model": "fcn_resnet50",
        "--num-classes": "4",
        "--component": "backbone",
    }
    for option, value in more.items():
        with pytest.raises(ValueError, match=r"contains a backbone without") as error:
            convert.main(arguments)
        lines = str(error.value).splitlines()
        assert len(lines) == 2 and f"{option} " in lines[1]
        arguments += [option, value]
    assert not run.exists()
    convert.main([*arguments, *NARROW])
    got = weights.read(run)["params"]
    kernel = got["backbone"]["stem"]["conv1"]["conv"]["kernel"]
    want = variables["params"]["backbone"]["stem"]["conv1"]["conv"]["kernel"]
    assert np.array_equal(kernel, want)
    assert got["head"]["classifier"]["kernel"].shape == (1, 1, 64, 4)


@pytest.mark.parametrize("name", ["w.npz", "w.pth", "link.npz"])
def test_the_source_is_not_replaced(tmp_path, name):
    source = tmp_path / name.replace("link", "w")
    weights.write(source, {"w": np.ones(3, np.float32)})
    if not (tmp_path / name).exists():
        (tmp_path / name).symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(
        ValueError, match="expected a path other than that of the source"
    ):
        convert.main([str(source), "-o", str(tmp_path / name)])
    assert source.read_bytes() == before


@pytest.mark.slow
def test_errors_before_any_work(tmp_path, source):
    _, state = source
    weights.write(tmp_path / "fcn.pth", state)
    fcn = str(tmp_path / "fcn.pth")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    for output, text in [
        ("full", "expected a new or empty directory"),
        ("a.onnx", "expected a directory or a file"),
    ]:
        with pytest.raises(ValueError, match=text):
            convert.main([fcn, "-o", str(tmp_path / output)])
    with pytest.raises(ValueError, match=r"fcn_resnet50 comes closest: .*missing"):
        convert.main([fcn, "-o", str(tmp_path / "b")])
    with pytest.raises(ValueError, match="'torchvison' is invalid: expected a known"):
        out = str(tmp_path / "b.pth")
        convert.main([fcn, "-o", out, "--export-names", "torchvison", *NARROW])
