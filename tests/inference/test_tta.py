"""Averaging over scales and mirror images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.tta import predict_probabilities, rescale
from jaxseg.inference.windows.options import WindowOptions
from jaxseg.ops.resize import resize

RNG = np.random.default_rng(0)


@jax.jit
def ramp(x):
    """A network that is not symmetric: its logits grow to the right."""
    return x * jnp.arange(x.shape[2], dtype=jnp.float32)[None, None, :, None]


def picture(*shape):
    return RNG.normal(size=(*shape, 3)).astype(np.float32)


@functools.partial(jax.jit, static_argnums=(1, 2))
def slow(image, scales, flip):
    size, total, count = image.shape[1:3], 0, 0
    for scale in scales:
        small = [int(side * scale + 0.5) for side in size]
        scaled = resize(image, small)
        logits = [ramp(scaled)]
        if flip:
            logits.append(ramp(scaled[:, :, ::-1])[:, :, ::-1])
        for one in logits:
            total = total + jax.nn.softmax(resize(one, size), axis=-1)
            count += 1
    return total / count


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 1.75)])
def test_equals_slow_average(scales, flip):
    image = picture(2, 21, 34)
    fast = predict_probabilities(ramp, image, scales=scales, flip=flip, multiple=8)
    expected = slow(image, scales, flip)
    assert fast.shape == (2, 21, 34, 3)
    np.testing.assert_allclose(fast, expected, atol=1e-5)
    np.testing.assert_allclose(fast.sum(-1), 1, atol=1e-5)


def test_flip_of_the_image_flips_the_result():
    image = picture(1, 16, 23)
    straight = predict_probabilities(ramp, image, flip=True)
    mirrored = predict_probabilities(ramp, image[:, :, ::-1], flip=True)
    np.testing.assert_allclose(straight, mirrored[:, :, ::-1], atol=1e-6)


def test_windows_and_output_size():
    image = picture(1, 40, 30)
    options = {"mode": "slide", "windows": WindowOptions((16, 16), (16, 16))}
    both = predict_probabilities(jax.jit(jnp.sin), image, size=(20, 15), **options)
    expected = jax.nn.softmax(resize(jnp.sin(image), (20, 15)), axis=-1)
    np.testing.assert_allclose(both, expected, atol=1e-6)


def test_few_programs_for_many_sizes():
    shapes = []

    @jax.jit
    def network(x):
        shapes.append(x.shape)
        return x

    for size in [(33, 40), (40, 33), (62, 64)]:
        predict_probabilities(network, picture(1, *size), scales=(0.5, 1.0), flip=True)
    assert sorted(set(shapes)) == [(1, 32, 32, 3), (1, 64, 64, 3)]
    assert len(shapes) == 2


def test_rescaled_sides_round_half_up_and_never_vanish():
    image = picture(1, 5, 7)
    assert rescale(image, 0.5).shape == (1, 3, 4, 3)
    assert rescale(image, 0.01).shape == (1, 1, 1, 3)
    assert rescale(image, 1.0) is image


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0)])
def test_bad_scales_are_named(scales):
    with pytest.raises(ValueError, match="scales"):
        predict_probabilities(ramp, picture(1, 8, 8), scales=scales)
