"""The measures of one example, against slow second implementations."""

import itertools

import numpy as np
import pytest

from jaxseg.audit.ranking.calibration import calibrated, fit_bias, fit_calibration
from jaxseg.audit.ranking.colors import as_rgb
from jaxseg.audit.ranking.grid import depth, make_grid, numbered
from jaxseg.audit.ranking.measures import measure
from tests.audit.ranking.scenes import probabilities, scene


def flooded(values):
    """Regions by flood fill."""
    numbers, count = np.zeros(values.shape, int), 0
    for start in itertools.product(*map(range, values.shape)):
        if numbers[start] or values[start] < 0:
            continue
        count += 1
        stack = [start]
        while stack:
            y, x = stack.pop()
            inside = 0 <= y < values.shape[0] and 0 <= x < values.shape[1]
            if not inside or numbers[y, x] or values[y, x] != values[start]:
                continue
            numbers[y, x] = count
            stack += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return numbers, count


def grid_of(truth, given, seed):
    """The grid of a mask, and the prediction of a network that knows the truth."""
    image = np.repeat(60 * (truth % 255)[..., None], 3, -1).astype(np.uint8)
    return make_grid(image, probabilities(truth % 255, seed), given, 255)


def measured(truth, given, seed):
    grid = grid_of(truth, given, seed)
    return measure(grid, np.ones(grid.given.shape))


def test_regions_and_their_depth_are_those_of_a_flood_fill():
    rng = np.random.default_rng(0)
    values = np.kron(rng.integers(-1, 3, (5, 6)), np.ones((4, 4), int))
    numbers, count = numbered(values)
    expected, expected_count = flooded(values)
    assert count == expected_count > 8
    pairs = set(zip(numbers.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == count + 1  # equal up to the order of the numbers
    found, points = depth(numbers), list(itertools.product(range(20), range(24)))
    edge = [
        (y, x)
        for y, x in points
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
        if (0 <= y + dy < 20 and 0 <= x + dx < 24)
        and numbers[y, x] != numbers[y + dy, x + dx]
    ]
    for y, x in points[::7]:
        nearest = min((y - a) ** 2 + (x - b) ** 2 for a, b in edge)
        assert found[y, x] == pytest.approx(nearest**0.5)


def test_a_dropped_object_is_a_disagreement_with_its_area_and_shares():
    truth = scene(1)
    given = np.where(truth == 3, 0, truth).astype(np.uint8)
    grid, found = grid_of(truth, given, 1), measured(truth, given, 1)
    worst = max(found.disagreements, key=lambda one: one.mass)
    rows, columns = np.nonzero(truth == 3)
    assert (worst.given, worst.predicted) == (0, 3)
    assert worst.area == pytest.approx((truth == 3).sum(), rel=0.1)
    box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    np.testing.assert_allclose(worst.box, box, atol=2)
    assert worst.predicted_share == pytest.approx(1, abs=0.05)
    assert worst.given_share == pytest.approx(worst.area / (given == 0).sum(), rel=0.02)
    inside = grid.valid & (grid.given == 0) & (grid.predicted == 3)
    total = np.log(grid.probabilities[inside] @ [0, 0, 0, 1.0]).sum()
    total -= np.log(grid.probabilities[inside] @ [1.0, 0, 0, 0]).sum()
    assert 0.6 * total < worst.mass < 1.06 * total


@pytest.mark.parametrize("moved", [(6, 0), (-3, 4)])
def test_a_moved_object_is_displaced_by_the_opposite_offset(moved):
    truth = scene(2)
    object_ = np.roll(truth == 1, moved, (0, 1))
    given = np.where(object_, 1, np.where(truth == 1, 0, truth)).astype(np.uint8)
    regions = measured(truth, given, 2).regions
    house = next(region for region in regions if region.given == 1)
    np.testing.assert_allclose(house.displacement.offset, [-m for m in moved], atol=1)
    assert house.displacement.fit > 0.5
    true = measured(truth, truth, 2).regions
    others = [r.displacement.score for r in true if r.displacement is not None]
    assert max(others, default=0) < house.displacement.score / 4


def test_confidence_margin_and_soft_minimum():
    mask = scene(3)
    mask[:10] = 255
    found_probabilities = probabilities(mask % 255, 3)
    found = measured(mask, mask, 3)
    own = [
        found_probabilities[y, x, mask[y, x]]
        for y, x in itertools.product(*map(range, mask.shape))
        if mask[y, x] != 255
    ]
    weights = np.exp(-np.array(own, np.float64) / 0.1)
    assert found.softmin == pytest.approx((weights * own).sum() / weights.sum(), 1e-4)
    assert found.mean_confidence == pytest.approx(np.mean(own), 1e-4)
    car = next(region for region in found.regions if region.given == 3)
    assert 0.8 < car.confidence <= 1 and 0.6 < car.margin < car.confidence
    assert car.area == (mask == 3).sum()


def test_the_bias_of_a_balanced_network_is_undone():
    rng = np.random.default_rng(4)
    true = rng.dirichlet([4.0, 2.0, 0.5], 20_000)
    given = (rng.random((len(true), 1)) > true.cumsum(1)).sum(1)
    planted = np.array([-1.0, 0.0, 1.0])
    balanced = true * np.exp(planted)
    balanced /= balanced.sum(1, keepdims=True)
    bias = fit_bias(balanced.astype(np.float32), given)
    np.testing.assert_allclose(bias, -planted, atol=0.08)
    np.testing.assert_allclose(
        calibrated(balanced.astype(np.float32), -planted), true, atol=2e-3
    )


def test_surprise_is_the_share_of_less_confident_pixels_of_the_class():
    grids = [grid_of(scene(seed), scene(seed), seed) for seed in range(16)]
    usual = fit_calibration(grids)
    calm = [usual.apply(grid) for grid in grids]
    own = np.concatenate([grid.confidence[grid.given == 2] for grid in calm])
    surprise = np.concatenate([usual.surprise(grid)[grid.given == 2] for grid in calm])
    for share in (0.02, 0.2, 0.7):
        here = np.abs(own - np.quantile(own, share)) < 1e-3
        np.testing.assert_allclose(np.exp(-surprise[here]), share, atol=0.05)


def test_images_of_other_types_are_shown_in_their_value_range():
    gray = np.array([[[0], [1000]], [[2500], [9000]]], np.uint16)
    shown = as_rgb(gray, (0, 5000))
    assert shown.dtype == np.uint8 and shown.shape == (2, 2, 3)
    np.testing.assert_array_equal(shown[..., 0], [[0, 51], [128, 255]])
    bands = np.arange(20, dtype=np.uint8).reshape(1, 5, 4)
    np.testing.assert_array_equal(as_rgb(bands, (0, 255)), bands[..., :3])
