"""Mixed crops: every pixel and its label come from one example."""

import numpy as np
import pytest
from scipy import ndimage

from jaxseg.data.augment.entry import Scene
from jaxseg.data.augment.parsing import parse_entry
from tests.data.augment.scenes import NAMES, frame

SIZE = (40, 60)


def blocks(number):
    """Blocks of classes in which each pixel states its example and its label."""
    rng = np.random.default_rng(number)
    label = np.kron(rng.integers(0, 8, (4, 6)), np.ones((10, 10))).astype(np.uint8)
    label[:2] = 255
    image = np.stack([np.full(SIZE, number), label, np.zeros(SIZE)], -1)
    return Scene(image.astype(np.uint8), label, frame())


def mixed(text, seed, number=1):
    calls = iter(range(number + 1, 100))
    rng = np.random.default_rng(seed)
    result, drawn = parse_entry(text).apply(
        blocks(number), rng, lambda rng: blocks(next(calls))
    )
    return result, drawn


@pytest.mark.parametrize("name", ["cut_mix", "class_mix", "copy_paste", "mosaic"])
def test_pixels_and_labels_come_from_the_same_example(name):
    examples = set()
    for seed in range(20):
        result, _ = mixed(name, seed)
        np.testing.assert_array_equal(result.image[..., 1], result.label)
        for number in np.unique(result.image[..., 0]):
            here = result.image[..., 0] == number
            np.testing.assert_array_equal(
                result.label[here], blocks(int(number)).label[here]
            )
            examples.add(int(number))
    assert examples == ({1, 2, 3, 4} if name == "mosaic" else {1, 2})


def test_the_area_of_cut_mix_is_uniform_for_alpha_1():
    shares = []
    for seed in range(400):
        result, drawn = mixed("cut_mix", seed)
        pasted = result.image[..., 0] == 2
        top, left, bottom, right = drawn["box"]
        assert pasted.sum() == (bottom - top) * (right - left)
        assert pasted[top:bottom, left:right].all()
        shares.append(pasted.mean())
    quarters = np.quantile(shares, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quarters, [0.25, 0.5, 0.75], atol=0.08)


def test_class_mix_pastes_half_of_the_classes():
    for seed in range(5):
        result, drawn = mixed("class_mix", seed)
        other = blocks(2).label
        present = set(np.unique(other)) - {255}
        taken = {NAMES.index(name) for name in drawn["classes"]}
        assert taken <= present and len(taken) == -(-len(present) // 2)
        pasted = result.image[..., 0] == 2
        np.testing.assert_array_equal(pasted, np.isin(other, list(taken)))


def test_copy_paste_pastes_whole_regions_of_the_named_classes():
    places = set()
    for seed in range(10):
        text = "copy_paste(classes=(a, c, 'f'), count=2, min_pixels=90)"
        result, drawn = mixed(text, seed)
        pasted, other = result.image[..., 0] == 2, blocks(2).label
        expected = 0
        for value in (0, 2, 5):
            regions, count = ndimage.label(other == value)
            for region in range(1, count + 1):
                inside = pasted[regions == region]
                assert inside.all() or not inside.any()
                if inside.all():
                    assert len(inside) >= 90
                    expected += 1
        assert expected == len(drawn["objects"]) <= 2
        assert set(drawn["objects"]) <= {"a", "c", "f"}
        places.add(pasted.tobytes())
    assert len(places) > 1


def test_mosaic_has_four_quarters_around_the_drawn_point():
    own = set()
    for seed in range(10):
        result, drawn = mixed("mosaic(margin=0.3)", seed)
        row, column = drawn["meeting_point"]
        assert 0.3 * 40 <= row <= 0.7 * 40 and 0.3 * 60 <= column <= 0.7 * 60
        source = result.image[..., 0]
        quarters = [
            source[:row, :column],
            source[:row, column:],
            source[row:, :column],
            source[row:, column:],
        ]
        assert all(len(np.unique(part)) == 1 for part in quarters)
        assert {int(part[0, 0]) for part in quarters} == {1, 2, 3, 4}
        assert quarters[drawn["own_quarter"]][0, 0] == 1
        own.add(drawn["own_quarter"])
    assert len(own) > 1


def test_cutout_fills_with_the_mean_and_ignores():
    for word in ("void", "keep"):
        text = f"cutout(count=2, side=(0.2, 0.4), label={word})"
        result, drawn = mixed(text, 3)
        inside = np.zeros(SIZE, bool)
        for top, left, bottom, right in drawn["boxes"]:
            inside[top:bottom, left:right] = True
            assert 0.19 * 40 <= bottom - top <= 0.41 * 40
            assert 0.19 * 60 <= right - left <= 0.41 * 60
        assert (result.image[inside] == 128).all()  # 127.5 rounds up
        np.testing.assert_array_equal(
            result.label, np.where(inside & (word == "void"), 255, blocks(1).label)
        )
