"""The numbering of labels of several datasets, and the order of their examples."""

import collections
import dataclasses

import numpy as np
import pytest

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.data.mix.member import Member
from jaxseg.data.mix.schedule import BLOCK, Schedule, block_counts
from jaxseg.data.mix.space import pooled, stated_spec, union_spec
from jaxseg.data.mix.union import Union
from jaxseg.data.spec import DatasetSpec

STREETS = Member(
    "streets",
    ("road", "vehicle", "sky"),
    ((1, 1, 1), (2, 2, 2), (3, 3, 3)),
    (("road",), ("car", "truck"), ()),
)
PARKS = Member(
    "parks",
    ("van", "bus", "car"),
    ((4, 4, 4), (5, 5, 5), (6, 6, 6)),
    (("truck",), ("truck",), ("car",)),
)
UNION = Union(("road", "car", "truck"), (STREETS, PARKS))


def test_labels_of_all_datasets_have_one_numbering():
    assert UNION.merged == ((1, 2),)
    np.testing.assert_array_equal(UNION.label_table, [[0, 3, -2], [2, 2, 1]])


def test_each_dataset_is_scored_in_the_classes_that_the_union_distinguishes():
    assert UNION.scored == (
        "streets/road",
        "streets/vehicle",
        "parks/van + bus",
        "parks/car",
    )
    np.testing.assert_array_equal(UNION.score_table, [[0, 1, -2], [2, 2, 3]])
    np.testing.assert_array_equal(UNION.owners, [0, 0, 1, 1])
    expected = [[1, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0]]
    np.testing.assert_array_equal(UNION.sums, expected)
    assert UNION.inseparable() == [] and UNION.unreached() == []


def test_classes_that_no_dataset_distinguishes_are_found():
    alone = Union((*UNION.classes, "sky"), (STREETS,))
    assert alone.inseparable() == [("car", "truck")]
    assert alone.unreached() == ["sky"]


def test_overlapping_targets_are_refused():
    with pytest.raises(ValueError, match="'vehicle' and 'sky' share the target 'car'"):
        dataclasses.replace(STREETS, targets=(("road",), ("car", "truck"), ("car",)))


def test_the_specification_of_a_mix_survives_json():
    spec = dataclasses.replace(DATASETS["shapes"].spec, members=(STREETS, PARKS))
    spec = dataclasses.replace(spec, classes=UNION.classes, palette=spec.palette[:3])
    read = DatasetSpec.from_json(spec.to_json())
    assert read == spec and read.union == UNION
    broken = spec.to_json().replace('"void": 255', '"void": "none"')
    with pytest.raises(ValueError):
        DatasetSpec.from_json(broken)


def test_blocks_hold_every_dataset_as_often_as_its_weight_says():
    assert block_counts((1, 1, 1)) == (334, 333, 333)
    assert block_counts((3, 0, 1)) == (750, 0, 250)
    with pytest.raises(ValueError, match="at least 1/1000"):
        block_counts((1, 0.0001))
    schedule = Schedule.of(5, (2, 1, 0))
    taken = [schedule.at(position) for position in range(3 * BLOCK)]
    for member, count in enumerate(schedule.counts):
        own = [place for k, place in taken if k == member]
        assert own == list(range(3 * count))
        for block in range(3):
            part = taken[block * BLOCK : (block + 1) * BLOCK]
            assert collections.Counter(k for k, _ in part)[member] == count
    first, second = taken[:BLOCK], taken[BLOCK : 2 * BLOCK]
    assert [k for k, _ in first] != [k for k, _ in second]
    assert taken[:50] != [Schedule.of(6, (2, 1, 0)).at(p) for p in range(50)]
    assert len({schedule.member_seed(k) for k in range(3)}) == 3


def test_statistics_are_those_of_the_mixed_stream():
    spec = DATASETS["shapes"].spec
    same = pooled([spec, spec], (1, 3))
    assert same == (spec.mean, spec.std)
    random = np.random.default_rng(0)
    pixels = [
        random.normal(0.2, 0.1, (60_000, 3)),
        random.normal(0.7, 0.3, (20_000, 3)),
    ]
    specs = [
        dataclasses.replace(spec, mean=tuple(p.mean(0)), std=tuple(p.std(0)))
        for p in pixels
    ]
    mean, std = pooled(specs, (3, 1))
    together = np.concatenate(pixels)
    np.testing.assert_allclose(mean, together.mean(0), rtol=1e-6)
    np.testing.assert_allclose(std, together.std(0), rtol=1e-6)


CAMVID = DATASETS["camvid"].spec


def mix(*members, classes=()):
    return DataConfig(mix=members, classes=classes)


def test_the_union_follows_from_the_class_maps():
    vehicles = [
        f"{name} -> {'car | bus' if name == 'car' else name}" for name in CAMVID.classes
    ]
    rest = [
        f"{name} -> {'bus' if name == 'wire' else 'void'}"
        for name in DATASETS["shapes"].spec.classes
    ]
    spec = stated_spec(
        mix(
            MemberConfig("roads", DataConfig("camvid"), tuple(vehicles)),
            MemberConfig("shapes", DataConfig("shapes"), tuple(rest)),
        )
    )
    assert spec.name == "roads+shapes"
    place = CAMVID.classes.index("car")
    assert spec.classes == (
        *CAMVID.classes[: place + 1],
        "bus",
        *CAMVID.classes[place + 1 :],
    )
    assert spec.palette[0] == CAMVID.palette[0]
    assert spec.palette[place + 1] == DATASETS["shapes"].spec.palette[-1]
    assert spec.union.merged == ((place, place + 1),)


def test_mixes_that_do_not_fit_are_refused_in_one_line():
    two = mix(MemberConfig(data=DataConfig("camvid")), MemberConfig("b"))
    narrow = dataclasses.replace(CAMVID, mean=(0.5,), std=(0.2,))
    cases = {
        "'b' has 1 channel of uint8 from 0 to 255, but 'camvid' has 3 channels": (
            two,
            [CAMVID, narrow],
        ),
        "but no dataset has boat": (
            dataclasses.replace(two, classes=(*CAMVID.classes, "boat")),
            [CAMVID, CAMVID],
        ),
        "unknown targets 'sky'": (
            dataclasses.replace(two, classes=CAMVID.classes[1:]),
            [CAMVID, CAMVID],
        ),
    }
    for words, (config, specs) in cases.items():
        with pytest.raises(ValueError) as error:
            union_spec(config, specs)
        assert words in str(error.value) and "\n" not in str(error.value)
