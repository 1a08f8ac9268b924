"""Blending of overlapping windows, in each place that can hold the sums."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.windows.blending import profile
from jaxseg.inference.windows.grid import Grid, Span, sliding_grid
from jaxseg.inference.windows.host_band import band_height
from jaxseg.inference.windows.inputs import ArrayPixels
from jaxseg.inference.windows.options import WindowOptions
from jaxseg.inference.windows.place import chosen_place, new_band
from jaxseg.inference.windows.shared import shared
from jaxseg.inference.windows.sliding import SlidingWindows, most_probable
from jaxseg.inference.windows.stream import stream

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(75, 50, 3)).astype(np.float32)
BLENDS = ["uniform", "gaussian", "cosine", "center"]


@jax.jit
def position(x):
    """Logits that depend on where in its window the network saw a pixel."""
    ramp = jnp.arange(x.shape[1])[:, None] * 10.0 + jnp.arange(x.shape[2])[None]
    return jnp.concatenate([x, ramp[None, :, :, None] + 0 * x[..., :1]], -1)


def slow_average(grid, weight):
    """The weighted mean over all windows in float64, one pixel at a time."""
    total, count = np.zeros((*grid.size, 4)), np.zeros((*grid.size, 1))
    for window in grid:
        top, left, bottom, right = window.read
        logits = np.asarray(position(IMAGE[None, top:bottom, left:right])[0])
        for y in range(window.keep.top, window.keep.bottom):
            for x in range(window.keep.left, window.keep.right):
                w = weight(y - top, bottom - top) * weight(x - left, right - left)
                total[y, x] += w * logits[y - top, x - left]
                count[y, x] += w
    return total / count


WEIGHTS = {
    "uniform": lambda i, n: 1.0,
    "gaussian": lambda i, n: np.exp(-0.5 * ((i - (n - 1) / 2) / (n / 8)) ** 2),
    "cosine": lambda i, n: 0.5 - 0.5 * np.cos(2 * np.pi * (i + 0.5) / n),
    "center": lambda i, n: 1.0,
}


def assembled(rows, shape):
    found, seen = np.full(shape, np.nan), 0
    for first, values in rows:
        assert first == seen
        seen += len(values)
        found[first:seen] = values
    assert seen == shape[0]
    return found


@pytest.mark.parametrize("blend", BLENDS)
def test_every_place_gives_the_weighted_mean(blend, tmp_path):
    grid = sliding_grid(IMAGE.shape[:2], (24, 20), stride=(10, 14), blend=blend)
    expected = slow_average(grid, WEIGHTS[blend])
    for place in ("host", "file", "device"):
        options = WindowOptions(
            (24, 20), (10, 14), batch=5, blend=blend, accumulate=place, folder=tmp_path
        )
        rows = SlidingWindows(position, options).rows(ArrayPixels(IMAGE))
        found = assembled(rows, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["host", "file", "device"])
@pytest.mark.parametrize("blend", ["uniform", "center"])
def test_a_later_start_gives_equal_rows(place, blend):
    options = WindowOptions((24, 20), (10, 14), blend=blend, accumulate=place)
    sliding = SlidingWindows(position, options)
    full = assembled(sliding.rows(ArrayPixels(IMAGE)), (75, 50, 4))
    for start in (1, 37, 70, 75):
        rows = [*sliding.rows(ArrayPixels(IMAGE), start=start)]
        found = np.concatenate([full[:start], *(values for _, values in rows)])
        np.testing.assert_array_equal(found, full)


@pytest.mark.parametrize("blend", ["uniform", "center"])
def test_devices_share_the_windows(blend):
    kernel = jnp.asarray(RNG.normal(size=(3, 3, 3, 5)), jnp.float32)
    network = lambda kernel, x: jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    results = []
    for devices in (1, 3, 8):
        apply = shared(network, kernel, devices=devices)
        options = WindowOptions((24, 20), (10, 14), batch=2, blend=blend)
        rows = SlidingWindows(apply, options).rows(ArrayPixels(IMAGE))
        results.append(assembled(rows, (75, 50, 5)))
    for found in results[1:]:
        np.testing.assert_array_equal(found, results[0])
    with pytest.raises(ValueError, match="devices=99 is invalid"):
        shared(network, kernel, devices=99)


def test_center_decides_before_it_combines():
    kinds = []

    def decide(logits):
        kinds.append(type(logits))
        return most_probable(logits)

    for blend in ("center", "uniform"):
        options = WindowOptions((24, 20), blend=blend, accumulate="host")
        rows = SlidingWindows(position, options).rows(ArrayPixels(IMAGE), decide=decide)
        found = assembled(rows, (75, 50))
        assert set(np.unique(found)) <= {0, 1, 2, 3}
    assert issubclass(kinds[0], jax.Array) and kinds[-1] is np.ndarray


def test_windows_with_halos_can_end_outside_of_the_image():
    """Exact tiles read halos that their neighbors keep, and padding at the end."""
    rows = (Span((0, 32), (0, 20)), Span((12, 44), (20, 40)), Span((40, 72), (40, 60)))
    columns = (Span((0, 24), (0, 14)), Span((4, 28), (14, 22)))
    grid = Grid((60, 22), (32, 24), rows=rows, columns=columns, blend="center")
    image = np.pad(IMAGE[:60, :22], ((0, 12), (0, 6), (0, 0)))

    def run(windows):
        return np.stack(
            [image[w.read[0] : w.read[2], w.read[1] : w.read[3]] for w in windows]
        )

    for place in ("host", "device"):
        found = stream(grid, run, new_band(place, grid), batch=4)
        np.testing.assert_array_equal(assembled(found, (60, 22, 3)), image[:60, :22])


def test_only_a_band_is_held():
    grid = sliding_grid((10_000, 500), (256, 256), stride=(170, 170))
    assert band_height(grid) == 256
    assert chosen_place("auto", grid, 19) == "host"
    assert chosen_place("auto", grid, 10**8) == "file"
    assert chosen_place("device", grid, 19) == "device"


def test_profiles_are_positive_and_symmetric():
    for blend in BLENDS:
        weights = profile(blend, 17)
        assert weights.min() > 0 and weights.argmax() in (0, 8)
        np.testing.assert_allclose(weights, weights[::-1])
