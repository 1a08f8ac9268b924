"""GrabCut and Boykov-Jolly: what they cut, and that the energy only falls."""

import numpy as np
import pytest

from jaxseg.inference import gmm
from jaxseg.inference.grabcut import grab_cut, graph_cut, seeds_of_box


def square(noise=12.0, seed=0):
    """A two-colored square with spots on a ground of two colors."""
    random = np.random.default_rng(seed)
    truth = np.zeros((40, 50), np.uint8)
    truth[10:30, 15:38] = 1
    spots = random.random(truth.shape) < 0.3
    colors = np.array([[[180, 60, 40], [150, 120, 60]], [[40, 90, 200], [90, 60, 160]]])
    image = colors[truth, spots.astype(int)] + random.normal(
        0, noise, (*truth.shape, 3)
    )
    return np.clip(image, 0, 255).astype(np.uint8), truth


def iou(label, truth):
    return (label & truth).sum() / (label | truth).sum()


def strokes(truth):
    seeds = np.full(truth.shape, -1, np.int8)
    seeds[20, 20:33], seeds[4, 5:45] = 1, 0
    return seeds


def test_a_box_finds_the_square():
    image, truth = square()
    cut = grab_cut(image, seeds_of_box(truth.shape, (10, 6, 44, 35)))
    assert iou(cut.label, truth) == 1.0
    assert len(cut.energies) >= 2


@pytest.mark.parametrize("seed", range(3))
def test_the_energy_never_rises(seed):
    image, truth = square(noise=45.0, seed=seed)
    seeds = seeds_of_box(truth.shape, (8, 5, 46, 37))
    cut = grab_cut(image, seeds, tolerance=0.0)
    assert len(cut.energies) >= 3
    assert (np.diff(cut.energies) <= 1e-9 * abs(cut.energies[0])).all()
    assert not cut.label[seeds == 0].any()
    assert iou(cut.label, truth) > 0.9


@pytest.mark.parametrize(("method", "least"), [(graph_cut, 0.85), (grab_cut, 0.99)])
def test_strokes_are_kept_and_find_the_square(method, least):
    """One cut has the colors of 64 pixels alone; learning them again helps."""
    image, truth = square()
    seeds = strokes(truth)
    cut = method(image, seeds)
    assert (cut.label[seeds == 1] == 1).all() and (cut.label[seeds == 0] == 0).all()
    assert iou(cut.label, truth) > least


def test_strokes_within_a_box_start_from_the_box():
    image, truth = square()
    box = seeds_of_box(truth.shape, (10, 6, 44, 35))
    seeds = box.copy()
    seeds[20, 20:33] = 1  # a stroke where the object is anyway
    both = grab_cut(image, seeds, start="object")
    np.testing.assert_array_equal(both.label, grab_cut(image, box).label)


def test_a_false_stroke_is_obeyed():
    image, truth = square()
    seeds = strokes(truth)
    seeds[36, 25] = 1
    assert graph_cut(image, seeds).label[36, 25] == 1


def test_a_picture_of_one_color_ends():
    image = np.full((12, 12, 3), 90, np.uint8)
    cut = grab_cut(image, seeds_of_box((12, 12), (3, 3, 9, 9)))
    assert cut.label.shape == (12, 12) and not cut.label[0].any()


def test_mixture_is_the_likeliest_for_its_assignment():
    random = np.random.default_rng(0)
    color = random.normal(0, 20, (200, 3)) @ random.normal(0, 1, (3, 3))
    component = random.integers(0, 3, 200)
    mixture = gmm.fit(color, component, 4)
    assert mixture.weight[3] == 0
    for k in range(3):
        own = color[component == k]
        covariance = np.cov(own.T, bias=True)
        np.testing.assert_allclose(mixture.mean[k], own.mean(0))
        np.testing.assert_allclose(
            mixture.precision[k], np.linalg.inv(covariance), rtol=1e-6
        )
        assert mixture.weight[k] == len(own) / 200
        assert mixture.log_det[k] == pytest.approx(np.linalg.slogdet(covariance)[1])
    found = gmm.energies(color, mixture)
    assert np.isinf(found[:, 3]).all()
    centered = color[7] - mixture.mean[1]
    expected = -np.log(mixture.weight[1]) + 0.5 * (
        mixture.log_det[1] + centered @ mixture.precision[1] @ centered
    )
    assert found[7, 1] == pytest.approx(expected)


def test_mixture_of_equal_colors_is_finite():
    color = np.full((10, 3), 7.0)
    mixture = gmm.fit(color, gmm.k_means(color, 5), 5)
    assert np.isfinite(gmm.energies(color, mixture).min(1)).all()
    with pytest.raises(ValueError, match=r"color.shape=\(0, 3\) is invalid"):
        gmm.fit(color[:0], np.zeros(0, int), 5)


def test_k_means_separates_clusters():
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 30)
    color = 60.0 * truth[:, None] + random.normal(0, 3, (120, 3))
    found = gmm.k_means(color, 4)
    assert len({(t, f) for t, f in zip(truth, found, strict=True)}) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda i, s: grab_cut(i, np.full_like(s, -1)),
            "value 0, which marks the back",
        ),
        (
            lambda i, s: graph_cut(i, np.minimum(s, 0)),
            "value 1, which marks the object",
        ),
        (lambda i, s: graph_cut(i, s[1:]), r"seeds.shape=.* is invalid"),
        (lambda i, s: graph_cut(i, s, components=0), "components=0 is invalid"),
        (lambda i, s: grab_cut(i, s, iterations=0), "iterations=0 is invalid"),
        (lambda i, s: grab_cut(i, s, tolerance=-1), "tolerance=-1 is invalid"),
        (lambda i, s: grab_cut(i, s, start="box"), "start='box' is invalid"),
        (lambda i, s: seeds_of_box((40, 50), (5, 5, 51, 20)), "box=.*X1 <= 50"),
        (lambda i, s: seeds_of_box((40, 50), (0, 0, 50, 40)), "smaller than the image"),
        (lambda i, s: seeds_of_box((40, 50), (9, 5, 9, 20)), "box=.* is invalid"),
    ],
)
def test_refusals(call, message):
    image, truth = square()
    with pytest.raises(ValueError, match=message):
        call(image, strokes(truth))
