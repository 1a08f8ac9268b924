"""Overlays, indexed PNG files and panels."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.viz import colorize, indexed_png, overlay, panel
from jaxseg.viz.palettes import VOC_VOID, colormap

GAP = 4  # white pixels between the parts of a panel
RNG = np.random.default_rng(0)
PALETTE = ((10, 20, 30), (250, 0, 100), (0, 255, 0))
IMAGE = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
LABEL = RNG.choice([0, 1, 2, 255], size=(6, 8))


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
def test_overlay_blends_classes_and_leaves_void(alpha):
    result = overlay(IMAGE, LABEL, PALETTE, alpha=alpha)
    color = np.array([*PALETTE, (0, 0, 0)])[np.where(LABEL == 255, 3, LABEL)]
    blend = np.floor((1 - alpha) * IMAGE + alpha * color + 0.5)
    expected = np.where((LABEL == 255)[..., None], IMAGE, blend)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


def test_indexed_png_keeps_indices_and_colors(tmp_path):
    path = tmp_path / "label.png"
    indexed_png(LABEL, PALETTE).save(path)
    with Image.open(path) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), LABEL)
        colors = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(colors, colorize(LABEL, PALETTE))
    assert colors[LABEL == 255].tolist()[0] == list(VOC_VOID)
    assert colors[LABEL == 1].tolist()[0] == [250, 0, 100]


def test_indexed_png_keeps_indices_that_occur_not_at_all(tmp_path):
    label = np.full((3, 3), 200)  # Pillow drops unused colors only if asked to
    path = tmp_path / "label.png"
    indexed_png(label, colormap(255)).save(path, optimize=True)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), label)


def test_panel_shows_three_parts_and_a_legend():
    prediction = np.where(LABEL == 255, 0, LABEL)
    plain = panel(IMAGE, LABEL, prediction, PALETTE, least=1)
    width = IMAGE.shape[1]
    assert plain.shape == (6, 3 * width + 2 * GAP, 3)
    np.testing.assert_array_equal(plain[:, :width], IMAGE)
    second = np.s_[:, width + GAP : 2 * width + GAP]
    np.testing.assert_array_equal(plain[second], overlay(IMAGE, LABEL, PALETTE))
    np.testing.assert_array_equal(
        plain[:, -width:], overlay(IMAGE, prediction, PALETTE)
    )
    large = panel(IMAGE, LABEL, prediction, PALETTE)  # Each pixel becomes 64 x 64.
    assert large.shape == (6 * 64, 3 * 512 + 2 * GAP, 3)
    np.testing.assert_array_equal(large[32::64, 32:512:64], IMAGE)
    np.testing.assert_array_equal(large[::64, -512::64], plain[:, -width:])


def test_legend_lists_present_classes_only():
    big = np.zeros((40, 120, 3), np.uint8)
    label = np.where(np.arange(120)[None] < 60, 0, 2) * np.ones((40, 1), int)
    names = ("road", "tree", "sky")
    shown = panel(big, label, label, PALETTE, names=names, least=1)
    assert shown.shape[0] > 40
    legend = shown[40:].reshape(-1, 3).tolist()
    assert list(PALETTE[0]) in legend
    assert list(PALETTE[2]) in legend
    assert list(PALETTE[1]) not in legend
    parts = big[:, :20], label[:, :20], label[:, 60:80]
    wrapped = panel(*parts, PALETTE, names=names, least=1)
    assert wrapped.shape[0] > shown.shape[0]
    many = np.arange(31)[None]  # A legend of more than 30 classes is left out.
    image, names = np.zeros((1, 31, 3), np.uint8), tuple(map(str, range(31)))
    assert panel(image, many, many, colormap(31), names=names, least=1).shape[0] == 1
    assert panel(image, many % 30, many % 30, colormap(31), names=names).shape[0] > 17


@pytest.mark.parametrize("wrong", [-1, 3, 254])
@pytest.mark.parametrize("draw", [colorize, indexed_png])
def test_labels_without_color_are_named(draw, wrong):
    label = np.array([[0, wrong]])
    with pytest.raises(ValueError, match=str(wrong)):
        draw(label, PALETTE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: overlay(IMAGE[:5], LABEL, PALETTE), "image with dtype"),
        (lambda: overlay(IMAGE / 255, LABEL, PALETTE), "image with dtype"),
        (lambda: overlay(IMAGE, LABEL, PALETTE, alpha=1.5), "alpha"),
        (lambda: colorize(LABEL * 1.0, PALETTE), "label with dtype"),
        (lambda: colorize(LABEL, [(0, 0)]), "palette"),
        (lambda: colorize(LABEL, [(0, 0, 256)]), "palette"),
        (lambda: indexed_png(LABEL * 0, PALETTE, void=2), "void=2 is invalid"),
        (lambda: panel(IMAGE, LABEL, LABEL, PALETTE, names=("a",)), "names"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
