"""Image files: selection, names of results, conversion, damaged files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxseg.inference.images import collect, output_names, read_rgb, size_of

RNG = np.random.default_rng(0)


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array, mode).save(path)
    return path


def test_collect_directories_patterns_and_repeats(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    for name in ("b.png", "a.JPG", "deep/c.png"):
        save(tmp_path / name, pixels)
    (tmp_path / "notes.txt").write_text("no image")
    found = collect(
        (str(tmp_path), str(tmp_path / "b.png"), str(tmp_path / "**/*.png"), "gone.png")
    )
    below = [p.relative_to(tmp_path).as_posix() for p in found[:3]]
    assert below == ["a.JPG", "b.png", "deep/c.png"]
    assert found[3:] == [Path("gone.png")]


@pytest.mark.parametrize("argument", [".", "*.png"])
def test_collect_refuses_what_holds_no_image(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="holds no image"):
        collect((argument,))
    with pytest.raises(ValueError, match="no image is given"):
        collect(())


def test_output_names_never_collide():
    paths = (
        "a/x.png b/x.jpg a/X.bmp a/y.png a/y_overlay.png c/a_x.png a_b/z.png a/b_z.png"
    )
    names = output_names([Path(p) for p in paths.split()])
    assert names[:4] == ["a_x_png", "b_x_jpg", "a_X_bmp", "y"]
    written = [n.lower() for n in names] + [f"{n}_overlay".lower() for n in names]
    assert len(set(written)) == len(written)


def test_output_names_counter_resolves_joined_paths():
    names = output_names([Path("a_b/x.png"), Path("a/b_x.png"), Path("a/x.png")])
    assert len(set(names)) == 3
    names = output_names(
        [Path(p) for p in ("a/b/x.png", "a_b/x.png", "c/a_b_x_png.png")]
    )
    assert names == ["a_b_x_png", "a_b_x_png_2", "a_b_x_png_3"]


def test_every_kind_of_pixel_becomes_rgb(tmp_path):
    grey = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    rgb = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    alpha = np.concatenate([rgb, grey[..., None]], axis=-1)
    triple = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "grey.png", grey)), triple)
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "rgb.png", rgb)), rgb)
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "rgba.png", alpha)), rgb)
    wide = (grey.astype(np.uint16) << 8) + 7
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "wide.png", wide)), triple)


def test_palette_images_give_their_colours(tmp_path):
    index = RNG.integers(0, 3, (4, 6), dtype=np.uint8)
    colours = np.array([(1, 2, 3), (200, 100, 0), (9, 255, 8)], np.uint8)
    picture = Image.fromarray(index, "L")
    picture.putpalette(colours.tobytes())
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "clear.png", transparency=b"\x00\x80\xff")
    for name in ("plain.png", "clear.png"):
        np.testing.assert_array_equal(read_rgb(tmp_path / name), colours[index])


def test_orientation_tag_is_applied(tmp_path):
    rgb = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a clockwise quarter turn
    Image.fromarray(rgb).save(tmp_path / "turned.png", exif=exif)
    path = tmp_path / "turned.png"
    np.testing.assert_array_equal(read_rgb(path), np.rot90(rgb, -1))
    assert size_of(path) == (6, 4)


def test_bad_files_are_named(tmp_path):
    good = save(
        tmp_path / "good.png", RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    )
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:4000])
    text = tmp_path / "text.png"
    text.write_text("not an image")
    empty = tmp_path / "empty.png"
    empty.touch()
    real = tmp_path / "real.tif"
    Image.fromarray(np.zeros((2, 2), np.float32)).save(real)
    for path in (cut, text, empty, real, tmp_path / "gone.png"):
        with pytest.raises(ValueError, match=path.name):
            read_rgb(path)
    assert size_of(good) == (64, 64)
    with pytest.raises(ValueError, match=r"text\.png"):
        size_of(text)
