"""Tests files that are too large, damaged, or not images."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from jaxseg.data import pillow_limit, rasters
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.reader import ReadOptions, read_pixels, read_size
from tests.data.image_files import KINDS, RNG, save


def test_one_limit_for_training_and_prediction(tmp_path):
    path, *_ = save(tmp_path, "rgb.png")
    options = ReadOptions(max_pixels=47)
    for read in (read_size, read_pixels, rasters.read_image):
        with pytest.raises(
            ValueError, match=r"rgb\.png: The file has 6 x 8 pixels"
        ) as caught:
            read(path, options)
        assert "--data.max-pixels 48" in str(caught.value)
    assert read_size(path, ReadOptions(max_pixels=48)) == (6, 8)


@pytest.fixture
def small_limit(monkeypatch):
    """Makes Pillow's own limits so small that every image exceeds them."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)


@pytest.mark.parametrize("name", ["rgb.png", "rgb_lzw.tif", "rgb.webp", "gray.gif"])
def test_the_limit_of_pillow_is_lifted_and_restored(tmp_path, small_limit, name):
    path, image, _ = save(tmp_path, name)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    np.testing.assert_array_equal(read_pixels(path), image)
    stored, size = rasters.read_image(path)
    np.testing.assert_array_equal(rasters.decode(stored), image)
    assert rasters.size_of(stored) == size
    assert Image.MAX_IMAGE_PIXELS == 4


def test_the_limit_is_restored_after_the_last_of_several_threads(small_limit):
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with pillow_limit.lifted:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    with pillow_limit.lifted:
        pass
    assert Image.MAX_IMAGE_PIXELS is None
    leave.set()
    thread.join()
    assert Image.MAX_IMAGE_PIXELS == 4


def spoil(folder):
    """Writes files that are not images and returns the reason of each error."""
    whole = rasters.encode_png(RNG.integers(0, 256, (32, 32)).astype(np.uint8))
    (folder / "cut.png").write_bytes(whole[:500])
    (folder / "text.png").write_text("no image")
    (folder / "empty.png").touch()
    (folder / "link.png").symlink_to("nowhere.png")
    (folder / "folder.png").mkdir()
    (folder / "two\nlines.png").write_bytes(b"GIF89a")
    return {
        "cut.png": "damaged",
        "text.png": "not an image",
        "empty.png": "The file is damaged, because it is empty",
        "link.png": "link to nowhere.png, which is missing",
        "folder.png": "not a regular file",
        r"two\nlines.png": "damaged",
        "gone.png": "cannot be read",
    }


def test_bad_files_get_one_line_that_names_them(tmp_path):
    for shown, reason in spoil(tmp_path).items():
        path = tmp_path / shown.replace(r"\n", "\n")
        lines = set()
        for read in (read_pixels, rasters.read_image, MaskReader().read):
            with pytest.raises(ValueError) as caught:
                read(path)
            lines.add(str(caught.value))
        (line,) = lines  # the same for all
        assert shown in line and reason in line
        assert "\n" not in line and "0x" not in line and line.endswith(".")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png: .*not a regular file"):
        read_size(tmp_path / "pipe.png")


def mutated(rng, whole, other):
    """Truncates, changes, extends, shortens or joins a file at random."""
    data, at = bytearray(whole), int(rng.integers(len(whole)))
    noise = rng.integers(0, 256, rng.integers(1, 20), np.uint8).tobytes()
    match int(rng.integers(6)):
        case 0:
            return bytes(data[:at])
        case 1:
            data[at] ^= 1 << int(rng.integers(8))
        case 2:
            data[at % 64] = noise[0]
        case 3:
            data[at:at] = noise
        case 4:
            del data[at : at + len(noise)]
        case _:
            data[at:] = other[at:]
    return bytes(data)


def result_of(read):
    """Returns the pixels or the message of a ValueError. Other errors fail the test."""
    try:
        return read()
    except ValueError as error:
        return str(error)


def test_mutated_files_are_read_alike_or_refused_in_one_line(tmp_path):
    rng = np.random.default_rng(16)
    whole = [save(tmp_path, name)[0].read_bytes() for name in KINDS]
    options = ReadOptions(range=(0, 65535), max_pixels=10**6)
    path, read = tmp_path / "mutated", 0
    for _ in range(400):
        first, second = rng.integers(len(whole), size=2)
        path.write_bytes(mutated(rng, whole[first], whole[second]))
        predicted = result_of(lambda: read_pixels(path, options))
        stored = result_of(lambda: rasters.read_image(path, options))
        result_of(lambda: read_pixels(path, options, mask=True))
        if isinstance(predicted, str):
            assert predicted == stored and str(path) in predicted
            assert "\n" not in predicted and predicted.endswith(".")
        else:
            np.testing.assert_array_equal(rasters.decode(stored[0]), predicted)
            assert read_size(path, options) == predicted.shape[:2]
            read += 1
    assert 40 < read < 360  # both happen
