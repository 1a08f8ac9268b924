"""Changes of values against Pillow, the standard library and explicit sums."""

import colorsys
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from jaxseg.data.augment.table import ENTRIES, GROUPS
from tests.data.augment.scenes import photo
from tests.data.augment.test_geometry import changed


def once(text, scene, seed=0):
    result, (applied,) = changed([text], scene, seed)
    np.testing.assert_array_equal(result.label, scene.label)
    assert result.image.dtype == scene.image.dtype
    return result.image, applied.drawn


@pytest.mark.parametrize(
    ("text", "enhancer", "allowed"),
    [
        ("brightness(factor=(0.5, 1.6))", ImageEnhance.Brightness, 1),
        ("contrast(factor=(0.5, 1.6))", ImageEnhance.Contrast, 1),
        ("saturation(factor=(0.2, 1.9))", ImageEnhance.Color, 2),
    ],
)
def test_factors_are_those_of_pillow(text, enhancer, allowed):
    scene = photo()
    for seed in range(3):
        image, drawn = once(text, scene, seed)
        expected = enhancer(Image.fromarray(scene.image)).enhance(drawn["factor"])
        error = np.abs(np.asarray(expected).astype(int) - image)
        assert error.max() <= allowed  # Pillow rounds the gray image, and truncates.
        assert np.abs(image.astype(int) - scene.image).max() > 5


def test_grayscale_is_the_luma_of_pillow():
    scene = photo()
    image, _ = once("grayscale", scene)
    expected = np.asarray(Image.fromarray(scene.image).convert("L"))
    assert np.abs(image.astype(int) - expected[..., None]).max() <= 1


def test_hue_is_that_of_the_standard_library():
    scene = photo((16, 16))
    for seed in range(3):
        image, drawn = once("hue(degrees=180)", scene, seed)
        for pixel, got in zip(
            scene.image.reshape(-1, 3)[::5], image.reshape(-1, 3)[::5], strict=True
        ):
            hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255))
            hue = (hue + drawn["degrees"] / 360) % 1
            expected = colorsys.hsv_to_rgb(hue, saturation, value)
            np.testing.assert_allclose(got, np.array(expected) * 255, atol=0.51)


def test_gamma_and_shift_are_their_formulas():
    scene = photo(channels=2)
    image, drawn = once("gamma(power=(0.5, 2))", scene)
    expected = 255 * (scene.image / 255) ** drawn["power"]
    np.testing.assert_allclose(image, expected, atol=0.51)
    image, drawn = once("brightness(factor=(1, 1), shift=(-0.4, 0.4))", scene)
    expected = np.clip(scene.image + 255 * drawn["shift"], 0, 255)
    np.testing.assert_allclose(image, expected, atol=0.51)


def test_blur_is_the_sum_over_a_gaussian():
    scene = photo((24, 32), channels=1)
    image, drawn = once("blur(sigma=(1.2, 1.2))", scene)
    assert drawn == {"sigma": 1.2}
    offsets = np.arange(-5, 6)
    kernel = np.exp(-(offsets**2) / (2 * 1.2**2))
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    padded = np.pad(scene.image[..., 0].astype(float), 5, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (11, 11))
    expected = (windows * kernel).sum((-2, -1))
    np.testing.assert_allclose(image[..., 0], expected, atol=0.6)


def test_noise_has_the_drawn_deviation_and_repeats():
    scene = photo((80, 80))
    scene = dataclasses.replace(scene, image=np.full_like(scene.image, 128))
    image, drawn = once("noise(sigma=(0.02, 0.06))", scene)
    assert np.std(image / 255.0) == pytest.approx(drawn["sigma"], rel=0.03)
    assert np.mean(image) == pytest.approx(128, abs=0.4)
    np.testing.assert_array_equal(image, once("noise(sigma=(0.02, 0.06))", scene)[0])


def test_jpeg_is_what_pillow_writes_and_keeps_depth():
    scene = photo()
    image, drawn = once("jpeg(quality=(15, 60))", scene)
    buffer = io.BytesIO()
    Image.fromarray(scene.image).save(buffer, "JPEG", quality=drawn["quality"])
    np.testing.assert_array_equal(image, np.asarray(Image.open(buffer)))
    frame = dataclasses.replace(photo(channels=4).frame, high=1.0, fill=(0.5,) * 4)
    deep = np.random.default_rng(0).uniform(0.3, 0.7, (16, 16, 4)).astype(np.float32)
    scene = dataclasses.replace(
        scene, image=deep, label=np.zeros((16, 16), np.uint8), frame=frame
    )
    image, _ = once("jpeg(quality=(100, 100))", scene)
    assert 0 < np.abs(image - deep).max() < 0.01  # far finer than its 8 bits
    steps = (image - deep) * 255
    levels = np.floor(deep * 255 + 0.5)
    np.testing.assert_allclose(
        steps, np.round(image * 255 - deep * 255 + levels) - levels, atol=1e-3
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_entry_for_any_channels_takes_every_type(dtype):
    """The results agree for all types up to the rounding of 8 bits."""
    scene = photo((24, 24), channels=5)
    low, high = (0.0, 255.0) if dtype == np.uint8 else (100.0, 40_000.0)
    stored = (scene.image / 255 * (high - low) + low).astype(dtype)
    fill = (low + 0.5 * (high - low),) * 5
    frame = dataclasses.replace(scene.frame, low=low, high=high, fill=fill)
    for name in ("brightness", "contrast", "gamma", "blur", "noise", "jpeg"):
        eight, _ = once(name, scene)
        image, _ = once(name, dataclasses.replace(scene, image=stored, frame=frame))
        shares = (image.astype(float) - low) / (high - low)
        np.testing.assert_allclose(shares * 255, eight, atol=1.6, err_msg=name)


def test_the_table_knows_every_entry_once():
    assert len(ENTRIES) == sum(map(len, GROUPS.values())) == 23
