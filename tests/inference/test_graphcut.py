"""Cuts against all labellings of tiny images, and the energies they minimize."""

import itertools

import numpy as np
import pytest

from jaxseg.inference import mincut
from jaxseg.inference.graphcut import (
    contrast_links,
    cut_probabilities,
    cut_two,
    expand,
    potts_energy,
)
from jaxseg.inference.mincut import Links, energy, minimize


def problem(seed, count=9, links=16):
    """Random costs, and links with different costs of the two directions."""
    random = np.random.default_rng(seed)
    ends = list(itertools.combinations(range(count), 2))
    chosen = random.choice(len(ends), links, replace=False)
    p, q = np.array(ends)[chosen].T
    return random.normal(0, 3, (count, 2)), Links(p, q, *random.random((2, links)))


def brute(cost, links, fixed=None):
    """The least energy of all labellings."""
    best = np.inf
    for label in itertools.product((0, 1), repeat=len(cost)):
        label = np.array(label)
        if fixed is None or (label == fixed)[fixed >= 0].all():
            best = min(best, energy(label, cost, links))
    return best


@pytest.mark.parametrize("seed", range(5))
def test_least_energy_of_all_labellings(seed):
    cost, links = problem(seed)
    label = minimize(cost, links)
    assert energy(label, cost, links) == pytest.approx(brute(cost, links), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_given_labels_stay_and_the_rest_is_optimal(seed):
    cost, links = problem(seed)
    fixed = np.array([0, -1, -1, 1, -1, 1, -1, 0, -1])
    label = minimize(cost, links, fixed)
    np.testing.assert_array_equal(label[fixed >= 0], fixed[fixed >= 0])
    expected = brute(cost, links, fixed)
    assert energy(label, cost, links) == pytest.approx(expected, abs=1e-5)


def test_costs_of_any_size_keep_to_32_bits():
    """Costs of 1e9 beside links of 1: they would wrap around if merely scaled."""
    cost, links = problem(1)
    cost[[0, 4]] *= 1e9
    label = minimize(cost, links)
    assert energy(label, cost, links) == pytest.approx(brute(cost, links), rel=1e-9)
    assert label[0] == cost[0].argmin() and label[4] == cost[4].argmin()


def test_integers_stay_below_32_bits_and_are_as_fine_as_they_may():
    image = np.zeros((200, 300, 3))
    links = contrast_links(image, gamma=50.0)
    random = np.random.default_rng(0)
    lead, whole = mincut.as_integers(random.normal(0, 1e6, 60_000), links)
    flow = min(lead[lead > 0].sum(), -lead[lead < 0].sum())
    assert 2**29 < flow <= 2**31 - 1
    assert (whole.first + whole.second).max() < 2**31


def test_what_32_bits_cannot_hold_is_refused(monkeypatch):
    """Every link must have 256 steps; twenty nodes of four links each pull either way."""
    count = 40
    p = np.arange(count - 1)
    links = Links(p, p + 1, np.ones(count - 1), np.ones(count - 1))
    lead = np.where(np.arange(count) % 2, 9.0, -9.0)
    monkeypatch.setattr(mincut, "LARGEST", 2**16)
    assert mincut.as_integers(lead, links)[1].first.max() >= 256
    monkeypatch.setattr(mincut, "LARGEST", 2**13)
    with pytest.raises(ValueError, match=r"is invalid for 40 nodes.*32-bit.*Shrink"):
        mincut.as_integers(lead, links)


@pytest.mark.parametrize(
    ("cost", "links", "message"),
    [
        (np.full((2, 2), np.inf), problem(0)[1], "and finite values"),
        (np.zeros((2, 3)), problem(0)[1], r"cost.shape=\(2, 3\) is invalid"),
        (
            np.zeros((2, 2)),
            Links(np.array([0]), np.array([1]), np.array([-1.0]), np.array([0.0])),
            r"links=-1\.0 is invalid",
        ),
    ],
)
def test_bad_energies_are_refused(cost, links, message):
    with pytest.raises(ValueError, match=message):
        minimize(cost, links)


def test_links_by_definition():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).astype(float)
    links = contrast_links(image, gamma=7.0)
    pairs, total = {}, []
    for a, b in itertools.combinations(np.ndindex(3, 4), 2):
        step = np.abs(np.subtract(a, b))
        if step.max() == 1:
            squared = np.square(image[a] - image[b]).sum()
            pairs[a[0] * 4 + a[1], b[0] * 4 + b[1]] = squared, np.sqrt(step.sum())
            total.append(squared)
    assert len(links.p) == len(pairs) == 29
    beta = 1 / (2 * np.mean(total))
    for p, q, cost in zip(links.p, links.q, links.first, strict=True):
        squared, length = pairs[min(p, q), max(p, q)]
        assert cost == pytest.approx(7 * np.exp(-beta * squared) / length)


def test_one_color_has_links_everywhere():
    links = contrast_links(np.full((2, 3, 3), 9.0), gamma=4.0)
    assert set(np.round(links.first, 6)) == {4.0, round(4 / np.sqrt(2), 6)}
    with pytest.raises(ValueError, match="gamma=-1 is invalid"):
        contrast_links(np.zeros((2, 2, 3)), gamma=-1)


def test_limits_of_the_boundary_weight():
    random = np.random.default_rng(0)
    image, unary = random.random((6, 7, 3)), random.random((6, 7, 2))
    free = cut_two(unary, contrast_links(image, gamma=0.0))
    np.testing.assert_array_equal(free, unary.argmin(-1))
    stiff = cut_two(unary, contrast_links(image, gamma=1e3, beta=0.0))
    assert (stiff == unary.sum((0, 1)).argmin()).all()


def test_two_labels_on_a_tiny_image():
    random = np.random.default_rng(4)
    image, unary = random.random((3, 4, 3)), random.normal(0, 1, (3, 4, 2))
    links = contrast_links(image, gamma=1.0)
    label = cut_two(unary, links)
    best = min(
        potts_energy(np.reshape(x, (3, 4)), unary, links)
        for x in itertools.product((0, 1), repeat=12)
    )
    assert potts_energy(label, unary, links) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_expansion_is_near_the_least_energy_and_no_move_improves_it(seed):
    random = np.random.default_rng(seed)
    image, unary = random.random((2, 4, 3)), random.normal(0, 1, (2, 4, 3))
    links = contrast_links(image, gamma=0.7)
    label = expand(unary, links)
    found = potts_energy(label, unary, links)
    every = [np.reshape(x, (2, 4)) for x in itertools.product(range(3), repeat=8)]
    best = min(potts_energy(x, unary, links) for x in every)
    assert best - 1e-9 <= found <= best + 0.2 * abs(best)
    for alpha in range(3):
        for taken in itertools.product((False, True), repeat=8):
            moved = np.where(np.reshape(taken, (2, 4)), alpha, label)
            assert potts_energy(moved, unary, links) >= found - 1e-4


def test_two_classes_by_expansion_are_the_exact_cut():
    random = np.random.default_rng(1)
    image, unary = random.random((8, 9, 3)), random.normal(0, 1, (8, 9, 2))
    links = contrast_links(image, gamma=0.5)
    exact = potts_energy(cut_two(unary, links), unary, links)
    assert potts_energy(expand(unary, links), unary, links) == pytest.approx(
        exact, abs=1e-4
    )


def test_probabilities_move_to_the_edge_of_the_image():
    """Three stripes, predicted two pixels too far left and with a hole."""
    truth = np.repeat([0, 1, 2], 10)[None].repeat(20, 0)
    image = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]])[truth]
    wrong = np.roll(truth, -2, axis=1)
    wrong[:, -2:] = 2
    wrong[8:10, 3:5] = 2
    probability = np.full((20, 30, 3), 0.2)
    np.put_along_axis(probability, wrong[..., None], 0.6, -1)
    label = cut_probabilities(probability, image, gamma=10.0)
    np.testing.assert_array_equal(label, truth)
    plain = cut_probabilities(probability, image, gamma=0.0)
    np.testing.assert_array_equal(plain, wrong)
    fixed = np.full((20, 30), -1)
    fixed[8:10, 3:5] = 2
    kept = cut_probabilities(probability, image, gamma=10.0, fixed=fixed)
    assert (kept[8:10, 3:5] == 2).all()
    with pytest.raises(ValueError, match=r"image.shape=.* is invalid"):
        cut_probabilities(probability[:4], image)


def test_labels_of_more_than_256_classes_do_not_wrap():
    probability = np.zeros((2, 3, 300))
    probability[..., 299] = 1
    probability[:, 0, [299, 255]] = 0, 1
    label = cut_probabilities(probability, np.zeros((2, 3, 3), np.uint8), gamma=0)
    assert label.tolist() == [[255, 299, 299]] * 2
