"""Class maps: total, composable, and read from text."""

import itertools

import pytest

from jaxseg.data.mix.class_map import ClassMap
from jaxseg.data.mix.map_file import read_class_map

A, B, C, D = ("road", "vehicle", "sky"), ("ground", "car", "truck"), ("x", "y"), "pqr"


def maps(source, target):
    """All maps of a few classes: any set of targets, or void, for each class."""
    sets = [
        names
        for count in range(len(target) + 1)
        for names in itertools.combinations(target, count)
    ]
    for chosen in itertools.product(sets, repeat=len(source)):
        yield ClassMap(tuple(source), tuple(target), chosen)


def test_a_map_lists_the_targets_of_every_class_in_the_order_of_the_target():
    rules = {"sky": "void", "road": "ground", "vehicle": ("truck", "car")}
    found = ClassMap.of(rules, B, source=A)
    assert found.source == A
    assert found.targets == (("ground",), ("car", "truck"), ())
    assert found.indices == ((0,), (1, 2), ())
    assert ClassMap.of(rules).target == ("ground", "truck", "car")


def test_composition_is_associative_and_has_an_identity():
    firsts = list(maps(("a", "b"), ("u", "v")))
    seconds = list(maps(("u", "v"), ("x", "y")))
    thirds = list(maps(("x", "y"), ("p", "q")))
    for first in firsts:
        assert ClassMap.identity(first.source) >> first == first
        assert first >> ClassMap.identity(first.target) == first
        for second, third in itertools.product(seconds[::3], thirds[::3]):
            assert (first >> second) >> third == first >> (second >> third)


def test_composition_keeps_all_targets_and_void_wins():
    first = ClassMap.of({"any": ("u", "v"), "one": "u"}, ("u", "v"))
    assert (first >> ClassMap.of({"u": "x", "v": "y"})).targets == (("x", "y"), ("x",))
    partly = ClassMap.of({"u": "x", "v": "void"})
    assert (first >> partly).targets == ((), ("x",))
    with pytest.raises(
        ValueError, match=r"after\.source.*missing \['v'\], unknown \['"
    ):
        first >> ClassMap.of({"u": "x", "w": "y"})
    with pytest.raises(ValueError, match="the order differs"):
        first >> ClassMap.of({"v": "x", "u": "y"})


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"road": "ground", "vehicle": "car"}, ["missing 'sky'"]),
        (
            {"road": "ground", "vehicel": "car", "sky": "void"},
            ["missing 'vehicle'", "unknown 'vehicel' (did you mean 'vehicle'?)"],
        ),
        (
            {"road": "groud", "vehicle": ("car", "bus"), "sky": "void"},
            ["unknown targets 'groud' (did you mean 'ground'?), 'bus'"],
        ),
        (
            {"road": "ground", "vehicle": ("car", "car"), "sky": "void"},
            ["repeated targets 'car' of 'vehicle'"],
        ),
        ({"road": ("ground", "void"), "vehicle": "car", "sky": "void"}, ["alone"]),
        ({"road": (), "vehicle": "car", "sky": "void"}, ["one or more classes"]),
    ],
)
def test_one_line_lists_all_faults(rules, words):
    with pytest.raises(ValueError) as error:
        ClassMap.of(rules, B, source=A)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


TEXT = """\
# street scenes
road    ->  ground

vehicle -> car | truck
sky -> void
"""


def test_a_file_holds_the_map_that_it_prints(tmp_path):
    path = tmp_path / "streets.txt"
    path.write_text(TEXT)
    found = read_class_map(path, source=A, target=B)
    assert found.targets == (("ground",), ("car", "truck"), ())
    path.write_text("\n".join(found.to_lines()))
    assert read_class_map(path, source=A, target=B) == found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sky -> void", "sky: void", ["line 5", "'sky: void' is not a rule"]),
        ("sky -> void", "sky ->void", ["line 5", "is not a rule"]),
        ("sky -> void", "sky -> car -> void", ["line 5", "is not a rule"]),
        ("sky -> void", "sky -> car | void", ["line 5", "is not a rule"]),
        ("sky -> void", "road -> void", ["missing 'sky'", "repeated 'road' (line 5)"]),
        ("car |", "cart |", ["'cart' (line 4, did you mean 'car'?)"]),
        ("road  ", "roads  ", ["unknown 'roads' (line 2, did you mean 'road'?)"]),
    ],
)
def test_errors_name_the_file_and_the_line(tmp_path, old, new, words):
    path = tmp_path / "streets.txt"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError) as error:
        read_class_map(path, source=A, target=B)
    for word in [str(path), *words]:
        assert word in str(error.value), str(error.value)
