"""Tests windows of image and label: geometry, borders, void and distributions."""

from fractions import Fraction

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from PIL import Image

from jaxseg.data.transforms import (
    Window,
    cut_image,
    cut_label,
    nearest,
    needed_area,
    sample_window,
)

FILL = (124, 116, 104)
SIZE = (90, 130)


def coordinates():
    """Returns an image whose red and green channels are row and column."""
    row, column = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.uint8)
    return np.stack([row, column, row], axis=-1)


def inside(window, crop):
    """Returns the pixels of the crop inside the resized image, from the definition."""
    row, column = np.mgrid[: crop[0], : crop[1]]
    row, column = row + window.offset[0], column + window.offset[1]
    height, width = window.scaled
    return (row >= 0) & (row < height) & (column >= 0) & (column < width)


def windows(count, crop, scale_range=(0.5, 2.0), seed=0):
    rng = np.random.default_rng(seed)
    options = {"crop": crop, "scale_range": scale_range}
    return [sample_window(rng, SIZE, **options) for _ in range(count)]


@pytest.mark.parametrize("crop", [(40, 50), (120, 70), (200, 300), (1, 1)])
def test_window_equals_crop_of_the_resized_whole(crop):
    image = np.random.default_rng(1).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    for window in windows(12, crop):
        height, width = window.scaled
        whole = Image.fromarray(image).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        expected = np.full((height + 2 * 400, width + 2 * 400, 3), FILL, np.int64)
        expected[400 : 400 + height, 400 : 400 + width] = np.asarray(whole)
        top, left = 400 + window.offset[0], 400 + window.offset[1]
        expected = expected[top : top + crop[0], left : left + crop[1]]
        got = cut_image(image, window, crop=crop, fill=FILL)
        difference = np.abs(
            expected - got
        )  # Pillow keeps a window's borders in float32
        assert difference.max() <= 2 and (difference > 1).mean() < 0.01


@pytest.mark.slow
@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(
    size=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    crop=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    scale=st.floats(0.1, 6.0),
    seed=st.integers(0, 2**32),
)
def test_cuts_read_only_the_needed_area(size, crop, scale, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    window = sample_window(rng, size, crop=crop, scale_range=(scale, scale))
    area = needed_area(window, size, crop=crop)
    part, label = area.of(image), area.of(image[..., 0])
    np.testing.assert_array_equal(
        cut_image(part, window, crop=crop, fill=FILL, area=area),
        cut_image(image, window, crop=crop, fill=FILL),
    )
    np.testing.assert_array_equal(
        cut_label(label, window, crop=crop, area=area),
        cut_label(image[..., 0], window, crop=crop),
    )


@pytest.mark.parametrize("crop", [(40, 50), (200, 300)])
def test_label_is_the_nearest_pixel_and_lies_under_the_image(crop):
    image = coordinates()
    for window in windows(12, crop):
        cut = cut_image(image, window, crop=crop, fill=FILL).astype(np.int64)
        valid = inside(window, crop)
        for axis in (0, 1):
            label = cut_label(image[..., axis], window, crop=crop).astype(np.int64)
            assert (label[~valid] == 255).all()
            ratio = Fraction(SIZE[axis], window.scaled[axis])
            for place in (0, crop[axis] // 2, crop[axis] - 1):
                line = np.take(np.where(valid, label, -1), place, axis=axis)
                target = place + window.offset[axis]
                if 0 <= target < window.scaled[axis]:
                    exact = int((target + Fraction(1, 2)) * ratio)
                    assert set(line[line >= 0]) == {exact}
            # Within half a pixel and rounding; the filter leans inwards at borders.
            near = np.abs(label - cut[..., axis])[valid]
            assert near.max() <= 1 + float(ratio) / 2
            assert np.median(near) <= 1
        assert (cut[~valid] == FILL).all()


def test_full_window_at_scale_one_is_the_identity():
    image, window = coordinates(), Window(SIZE, (0, 0))
    label = image[..., 0]
    np.testing.assert_array_equal(cut_image(image, window, crop=SIZE, fill=FILL), image)
    np.testing.assert_array_equal(cut_label(label, window, crop=SIZE), label)


def test_void_is_never_mixed_with_a_class():
    label = np.where(np.random.default_rng(0).random(SIZE) < 0.5, 3, 255)
    for window in windows(20, (60, 60)):
        cut = cut_label(label.astype(np.uint8), window, crop=(60, 60))
        assert set(np.unique(cut)) <= {3, 255}
        assert (cut[~inside(window, (60, 60))] == 255).all()


def test_scale_is_uniform_and_both_axes_share_it():
    scaled = np.array([w.scaled for w in windows(4000, (32, 32))])
    ratios = scaled / np.array(SIZE)
    assert np.abs(ratios[:, 0] - ratios[:, 1]).max() < 0.5 / 90 + 0.5 / 130 + 1e-9
    uniform = np.sort((ratios[:, 1] - 0.5) / 1.5)
    distance = np.abs(uniform - np.arange(4000) / 4000).max()
    assert distance < 1.63 / np.sqrt(4000) + 0.006  # Kolmogorov, 1 %, and rounding


@pytest.mark.parametrize(("crop", "low", "high"), [(80, 0, 10), (100, -10, 0)])
def test_every_place_is_as_likely(crop, low, high):
    found = windows(4000, (crop, 130), scale_range=(1.0, 1.0))
    rows = np.array([w.offset[0] for w in found])
    counts = np.array([(rows == row).sum() for row in range(low, high + 1)])
    assert counts.sum() == 4000
    assert ((counts - 4000 / 11) ** 2 / (4000 / 11)).sum() < 23.2  # chi-square, 1 %
    assert all(w.offset[1] == 0 and w.scaled == SIZE for w in found)


def test_same_generator_same_window():
    assert windows(5, (40, 40), seed=3) == windows(5, (40, 40), seed=3)
    assert windows(5, (40, 40), seed=3) != windows(5, (40, 40), seed=4)


def test_image_of_one_pixel():
    image = np.full((1, 1, 3), 9, np.uint8)
    window = sample_window(
        np.random.default_rng(0), (1, 1), crop=(4, 4), scale_range=(0.1, 0.1)
    )
    cut = cut_image(image, window, crop=(4, 4), fill=FILL)
    assert (cut == 9).all(axis=-1).sum() == 1
    assert (cut_label(image[..., 0], window, crop=(4, 4)) == 9).sum() == 1


def test_nearest_against_fractions():
    for source, target in ((7, 3), (3, 7), (10, 10), (13, 29)):
        exact = [int((t + Fraction(1, 2)) * source / target) for t in range(target)]
        assert nearest(np.arange(target), source, target).tolist() == exact


@pytest.mark.parametrize(
    ("kind", "channels"), [("uint16", 1), ("uint16", 4), ("uint8", 5), ("float32", 2)]
)
def test_other_pixels_are_cut_as_rgb_is(kind, channels):
    """Each channel equals one of an 8-bit RGB image, in its own type."""
    image = np.random.default_rng(3).integers(0, 256, SIZE).astype(np.uint8)
    other = np.repeat(image[..., None], channels, axis=2).astype(kind)
    fill = tuple(range(channels))
    for window in windows(4, (80, 90)):
        rgb = cut_image(np.stack([image] * 3, -1), window, crop=(80, 90), fill=FILL)
        got = cut_image(other, window, crop=(80, 90), fill=fill)
        within = inside(window, (80, 90))
        assert got.dtype == kind and got.shape == (80, 90, channels)
        assert (got[~within] == fill).all()
        difference = np.abs(got.astype(float) - rgb[..., :1])[within]
        assert difference.max() <= 1.01


def test_a_label_of_16_bits_keeps_its_type_and_its_void():
    label = np.arange(12, dtype=np.uint16).reshape(3, 4) + 300
    window = Window(scaled=(3, 4), offset=(-1, 0))
    got = cut_label(label, window, crop=(4, 4), void=65535)
    assert got.dtype == np.uint16
    assert (got[0] == 65535).all() and (got[1:] == label).all()
