"""Whole, sliding-window and tiled prediction with networks whose result is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxseg.inference.predict import predict_labels, predict_logits
from jaxseg.inference.windows.options import WindowOptions
from jaxseg.models.unet_valid import unet_valid

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(5, 5, 3, 4)).astype(np.float32)


def convolve(x, pad):
    pads = ((pad, pad), (pad, pad))
    return lax.conv_general_dilated(
        x, KERNEL, (1, 1), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@jax.jit
def same(x):
    return convolve(x, 2)


@jax.jit
def valid(x):
    return convolve(x, 0)


@jax.jit
def position(x):
    """Logits that betray where in its window the network saw a pixel."""
    ramp = jnp.arange(x.shape[1])[:, None] * 100.0 + jnp.arange(x.shape[2])[None]
    return x[..., :2] + ramp[None, :, :, None]


def picture(*shape):
    return RNG.normal(size=(*shape, 3)).astype(np.float32)


def slow_slide(fn, image, window, stride):
    """Sliding window as published: sum and count per pixel, last window inside."""
    batch, height, width, _ = image.shape
    total = count = 0
    for i in range(max(0, -(-(height - window[0]) // stride[0])) + 1):
        for j in range(max(0, -(-(width - window[1]) // stride[1])) + 1):
            bottom = min(i * stride[0] + window[0], height)
            right = min(j * stride[1] + window[1], width)
            top, left = max(bottom - window[0], 0), max(right - window[1], 0)
            logits = np.asarray(fn(image[:, top:bottom, left:right]), np.float64)
            full = np.zeros((batch, height, width, logits.shape[-1]))
            full[:, top:bottom, left:right] = logits
            seen = np.zeros((height, width, 1))
            seen[top:bottom, left:right] = 1
            total, count = total + full, count + seen
    return total / count


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1, 5), (64, 3)])
@pytest.mark.parametrize("multiple", [1, 32, 48])
def test_whole_padding_does_not_change_the_result(size, multiple):
    image = picture(2, *size)
    logits = predict_logits(same, image, multiple=multiple)
    assert logits.shape == (2, *size, 4)
    np.testing.assert_allclose(logits, same(image), atol=1e-5)


def test_whole_works_inside_jit():
    image = picture(1, 9, 14)
    traced = jax.jit(lambda x: predict_logits(same, x, multiple=8))(image)
    np.testing.assert_allclose(traced, same(image), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "window", "stride", "batch"),
    [
        ((40, 56), (24, 24), (16, 16), 4),
        ((41, 57), (24, 16), (10, 16), 3),
        ((24, 24), (24, 24), (24, 24), 5),
        ((25, 24), (24, 24), (1, 24), 2),
    ],
)
def test_slide_equals_slow_average(size, window, stride, batch):
    image = picture(2, *size)
    expected = slow_slide(position, image, window, stride)
    windows = WindowOptions(window, stride, batch)
    logits = predict_logits(position, image, mode="slide", windows=windows)
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_slide_pads_images_below_the_window():
    image = picture(1, 10, 50)
    windows = WindowOptions((24, 24), (16, 16))
    logits = predict_logits(position, image, mode="slide", windows=windows)
    padded = np.pad(image, ((0, 0), (0, 14), (0, 0), (0, 0)))
    expected = slow_slide(position, padded, (24, 24), (16, 16))[:, :10]
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


def test_slide_default_stride_is_two_thirds():
    image = picture(1, 30, 30)
    default = predict_logits(
        position, image, mode="slide", windows=WindowOptions((12, 18))
    )
    stated = slow_slide(position, image, (12, 18), (8, 12))
    np.testing.assert_allclose(default, stated, rtol=1e-5)


@pytest.mark.parametrize("size", [(40, 52), (39, 21), (7, 60), (12, 12)])
@pytest.mark.parametrize("stride", [None, (5, 7)])
def test_tiles_of_a_valid_network_equal_the_mirrored_whole(size, stride):
    image = picture(2, *size)
    logits = predict_logits(
        valid, image, mode="tile", windows=WindowOptions((16, 20), stride, batch=3)
    )
    mirrored = np.pad(image, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    np.testing.assert_allclose(logits, valid(mirrored), atol=1e-5)
    inner = np.s_[:, 2:-2, 2:-2]
    np.testing.assert_allclose(logits[inner], same(image)[inner], atol=1e-5)


@pytest.mark.parametrize("mode", ["whole", "slide"])
def test_few_programs_for_many_sizes(mode):
    shapes = []

    @jax.jit
    def network(x):
        shapes.append(x.shape)  # runs once per compiled program
        return x

    windows = WindowOptions((16, 16)) if mode == "slide" else None
    for size in [(33, 40), (40, 33), (62, 64), (64, 50)]:
        image = picture(1, *size)
        labels = predict_labels(network, image, mode=mode, windows=windows)
        np.testing.assert_array_equal(labels, image.argmax(-1))
    assert len(set(shapes)) == len(shapes) == 1


def test_labels_are_resized_before_the_argmax():
    image = picture(1, 13, 17)
    labels = predict_labels(same, image, size=(50, 29), multiple=8)
    resized = jax.image.resize(same(image), (1, 50, 29, 4), "bilinear", antialias=False)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, np.argmax(resized, axis=-1))


def test_bfloat16_logits_are_averaged_in_float32():
    def half(x):
        return position(x).astype(jnp.bfloat16)

    image = picture(1, 30, 30)
    logits = predict_logits(
        half, image, mode="slide", windows=WindowOptions((20, 20), (5, 5))
    )
    assert logits.dtype == jnp.float32
    expected = slow_slide(half, image, (20, 20), (5, 5))
    np.testing.assert_allclose(logits, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("fn", "options", "message"),
    [
        (same, {"mode": "window"}, "mode='window' is invalid"),
        (same, {"mode": "slide"}, "window=None is invalid with mode='slide'"),
        (same, {"multiple": 0}, "multiple=0 is invalid"),
        (valid, {}, "Use mode='tile'"),
        (valid, {"mode": "slide", "windows": WindowOptions((8, 8))}, "Use mode='tile'"),
        (same, {"mode": "slide", "windows": WindowOptions((8, 8), (9, 8))}, "stride"),
        (same, {"mode": "slide", "windows": WindowOptions((8, 8), (0, 8))}, "stride"),
        (
            lambda x: x[:, 1:],
            {"mode": "tile", "windows": WindowOptions((8, 8))},
            "by an even number",
        ),
    ],
)
def test_bad_arguments_are_named(fn, options, message):
    with pytest.raises(ValueError, match=message):
        predict_logits(fn, picture(1, 20, 20), **options)


def test_bad_windows_are_named():
    with pytest.raises(ValueError, match="batch=0 is invalid"):
        WindowOptions((8, 8), batch=0)
    with pytest.raises(ValueError, match=r"window=.* is invalid"):
        WindowOptions((8, 0))


@pytest.mark.parametrize("shape", [(20, 20, 3), (1, 0, 20, 3)])
def test_bad_images_are_named(shape):
    with pytest.raises(ValueError, match=r"image.shape=.* is invalid"):
        predict_logits(same, np.zeros(shape, np.float32))


@pytest.mark.slow
def test_tiles_of_the_unpadded_unet_equal_its_mirrored_form(fill):
    options = {"width": 4, "depth": 1}
    plain = unet_valid(3, pad="none", **options)
    mirrored = unet_valid(3, pad="reflect", **options)
    image = picture(1, 40, 52)
    variables = fill(mirrored, image.shape)
    network = jax.jit(lambda x: plain.apply(variables, x, train=False)["logits"])
    tiled = predict_logits(network, image, mode="tile", windows=WindowOptions((28, 36)))
    whole = jax.jit(lambda x: mirrored.apply(variables, x, train=False)["logits"])
    np.testing.assert_allclose(tiled, whole(image), atol=1e-5)
