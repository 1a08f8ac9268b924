"""`jaxseg refine`: strokes, boxes and probabilities to files."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from jaxseg.cli.refine import Arguments, write
from jaxseg.data.spec import generated_palette

BOX = ("--box", "10", "6", "44", "35")


@pytest.fixture
def picture(tmp_path):
    """A red square on blue with noise; its file and its truth."""
    random = np.random.default_rng(0)
    truth = np.zeros((40, 50), np.uint8)
    truth[10:30, 15:38] = 1
    image = np.array([[40, 90, 180], [180, 60, 40]])[truth]
    image = np.clip(image + random.normal(0, 10, image.shape), 0, 255).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(image).save(path)
    return path, truth


def scribbled(picture, path, *, red=True, blue=True, size=None):
    """A copy of the picture with a red stroke on the square and a blue one outside."""
    pixels = np.array(Image.open(picture))
    if red:
        pixels[20, 20:33] = (255, 0, 0)
    if blue:
        pixels[4, 5:45] = (0, 0, 255)
    image = Image.fromarray(pixels)
    (image if size is None else image.resize(size)).save(path)
    return path


def result(folder):
    with Image.open(folder / "photo.png") as image:
        assert image.mode == "P"
        return np.asarray(image)


def test_a_box(picture, tmp_path, capsys):
    path, truth = picture
    out = tmp_path / "out"
    assert main(["refine", str(path), *BOX, "-o", str(out)]) == 0
    np.testing.assert_array_equal(result(out), truth)
    assert "the object takes 23.0 % of the image" in capsys.readouterr().out
    with Image.open(out / "photo_overlay.png") as blend:
        assert blend.size == (50, 40)


@pytest.mark.parametrize("method", ["grabcut", "graphcut"])
def test_strokes(picture, tmp_path, method):
    path, truth = picture
    strokes = scribbled(path, tmp_path / "strokes.png")
    out = tmp_path / "out"
    more = ["--method", method, "--no-overlay", "-o", str(out)]
    assert main(["refine", str(path), "--scribbles", str(strokes), *more]) == 0
    assert (result(out) == truth).mean() > 0.97
    assert not (out / "photo_overlay.png").exists()


def test_a_box_with_strokes_inside(picture, tmp_path):
    path, truth = picture
    strokes = scribbled(path, tmp_path / "strokes.png", blue=False)
    out = tmp_path / "out"
    more = ["--scribbles", str(strokes), *BOX, "-o", str(out)]
    assert main(["refine", str(path), *more]) == 0
    np.testing.assert_array_equal(result(out), truth)


def test_probabilities_of_a_network(picture, tmp_path, capsys):
    path, truth = picture
    wrong = np.roll(truth, 2, axis=1)
    share = np.where(wrong[..., None] == np.arange(2), 0.7, 0.3).astype(np.float16)
    np.savez(tmp_path / "p.npz", probabilities=share, classes=["no", "yes"])
    out = tmp_path / "out"
    more = ["--probabilities", str(tmp_path / "p.npz"), "-o", str(out)]
    assert main(["refine", str(path), *more]) == 0
    np.testing.assert_array_equal(result(out), truth)
    changed = 100 * (wrong != truth).mean()
    assert f"{changed:.1f} % of the pixels changed" in capsys.readouterr().out


def test_class_255_of_300_classes_is_no_void(picture, tmp_path):
    path, truth = picture
    image, label = np.zeros((*truth.shape, 3), np.uint8), truth.astype(np.int32) * 255
    palette, out = generated_palette(300), tmp_path / "out"
    write(Arguments(path, output=out), image, label=label, palette=palette)
    with Image.open(out / "photo_overlay.png") as file:
        shown = np.asarray(file)[truth == 1]
    assert (shown == (np.array(palette[255]) + 1) // 2).all() and shown.any()


def refusal(capsys, *arguments):
    assert main(["refine", *map(str, arguments)]) == 1
    return capsys.readouterr().err


def test_refusals_name_what_is_wrong(picture, tmp_path, capsys):
    path, _ = picture
    plain = tmp_path / "plain.npz"
    np.savez(plain, other=1)
    bare = scribbled(path, tmp_path / "bare.png", red=False, blue=False)
    red = scribbled(path, tmp_path / "red.png", blue=False)
    small = scribbled(path, tmp_path / "small.png", size=(25, 20))
    for arguments, message in (
        ((), "expected --scribbles, --box or both"),
        ((*BOX, "--probabilities", plain), "or --probabilities alone"),
        (("--probabilities", plain, "--method", "grabcut"), "method='grabcut' is inv"),
        (("--probabilities", plain), "plain.npz is invalid: expected a file of"),
        (("--probabilities", path), "photo.png is invalid: expected a file of"),
        ((*BOX, "--method", "graphcut"), "is invalid without --scribbles"),
        (("--box", 0, 0, 51, 9), "X1 <= 50"),
        (("--scribbles", bare), "bare.png is invalid: expected object pixels"),
        (("--scribbles", red), "red.png is invalid without a box"),
        (
            ("--scribbles", small),
            "expected the size (40, 50) of the image, found (20, 25)",
        ),
        ((*BOX, "-o", tmp_path), "photo.png would replace an input. Choose another -o"),
        ((*BOX, "--gamma", -1), "gamma=-1.0 is invalid"),
    ):
        assert message in refusal(capsys, path, *arguments), arguments
    assert "missing" in refusal(capsys, tmp_path / "missing.png", *BOX)
