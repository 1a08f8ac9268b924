"""Image files for prediction: selection, and names of results."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxseg.inference.images import collect, output_names


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
    with pytest.raises(
        ValueError, match=r"is invalid: expected images, but there is no file with"
    ):
        collect((argument,))
    with pytest.raises(ValueError, match=r"images=\(\) is invalid"):
        collect(())
    (tmp_path / "ulm").mkdir()
    with pytest.raises(ValueError, match=r"ulm/ is left .* Pass the pattern '.*/\*\*'"):
        collect((str(tmp_path),))


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


@pytest.mark.parametrize("end", ["overlay", "raw"])
def test_no_name_is_that_of_another_result_of_an_image(end):
    names = output_names([Path("a.png"), Path(f"a_{end}.png")])
    assert names == ["a", f"a_{end}_2"]
