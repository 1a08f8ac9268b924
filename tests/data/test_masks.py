"""Tests which mask values are accepted as labels and which are refused."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import open_clouds, open_source
from jaxseg.data.classes import describe_classes
from jaxseg.data.spec import DatasetSpec

HEIGHT, STRIPE = 4, 3  # pixels; every value of a mask has a stripe of 12 pixels
JPEG, PNG = ".jpg", ".png"


def stripes(values, dtype=np.uint8):
    return np.repeat(np.array(values, dtype), STRIPE)[None].repeat(HEIGHT, 0)


def as_palette(mask):
    picture = Image.fromarray(mask)
    picture.putpalette(np.random.default_rng(0).permutation(768).astype(np.uint8))
    return picture


def as_color(mask):
    return Image.fromarray(np.dstack([mask, mask // 2, mask]))


def as_gray_rgb(mask):
    return Image.fromarray(np.dstack([mask] * 3))


def as_bits(mask):
    return Image.fromarray(mask > 0)


FORMS = {  # how a mask is saved: picture, suffix, options
    "png": (Image.fromarray, PNG, {}),
    "palette": (as_palette, PNG, {}),
    "bits": (as_bits, PNG, {}),
    "color": (as_color, PNG, {}),
    "gray rgb": (as_gray_rgb, PNG, {}),
    "jpeg": (Image.fromarray, JPEG, {"quality": 90}),
    "jpeg named png": (Image.fromarray, PNG, {"format": "JPEG", "quality": 90}),
    "rgb jpeg": (as_gray_rgb, JPEG, {"quality": 90}),
    "webp": (as_gray_rgb, ".webp", {"quality": 80}),
    "lossless webp": (as_gray_rgb, ".webp", {"lossless": True}),
    "color webp": (as_color, ".webp", {"lossless": True}),
    "tiff": (Image.fromarray, ".tif", {}),
    "jpeg tiff": (Image.fromarray, ".tif", {"compression": "jpeg"}),
}


@pytest.fixture
def folder(tmp_path):
    """`folder(form, train=..., validation=..., **options)`: a data configuration.

    `train` and `validation` list the values of each mask; `names` are those of
    classes.txt.
    """

    def make(*, form="png", names=(), dtype=np.uint8, train, validation, **options):
        root = tmp_path / "raw"
        picture, suffix, how = FORMS[form]
        for split, masks in (("train", train), ("validation", validation)):
            for part in ("images", "masks"):
                (root / split / part).mkdir(parents=True, exist_ok=True)
            for k, values in enumerate(masks):
                mask = stripes(values, dtype)
                image = Image.new("RGB", mask.shape[::-1])
                image.save(root / split / f"images/m{k}.png")
                picture(mask).save(root / split / f"masks/m{k}{suffix}", **how)
        if names:
            (root / "classes.txt").write_text("\n".join(names))
        return DataConfig(
            "folder",
            raw_dir=str(root),
            prepared_dir=str(tmp_path / "prepared"),
            **options,
        )

    return make


def labels_of(config, split="train"):
    """Returns the labels of the stripes of each mask, sorted by the names of the
    masks.
    """
    source = open_source(config, split)
    found = {}
    for index in range(len(source)):
        example = source[index]
        stripe = example["label"][:, ::STRIPE]
        np.testing.assert_array_equal(example["label"], stripe.repeat(STRIPE, 1))
        assert (stripe == stripe[0]).all()
        found[example["id"]] = tuple(stripe[0].tolist())
    return [found[name] for name in sorted(found)]


def refusal(config):
    """Returns the message of the error and checks that nothing was prepared."""
    with pytest.raises(ValueError) as caught:
        open_source(config, "train")
    message = str(caught.value)
    assert message.isprintable() and message.endswith(".")
    assert not list(pathlib.Path(config.prepared_dir).glob("*/folder/*/1.0.0"))
    return message.replace(config.raw_dir, "ROOT")


THREE = ("class_0", "class_1", "class_2")


@pytest.mark.parametrize(
    ("train", "validation", "names", "classes"),
    [
        ([(0, 1)], [(0, 1)], (), THREE[:2]),
        ([(0, 1, 2, 255)], [(0, 1)], (), THREE),
        ([(0, 1)], [(0, 1, 2)], (), THREE),
        ([(0, 2), (1,)], [(1, 2)], (), THREE),
        ([(0, 1)], [(1, 2)], ("a", "b", "c"), ("a", "b", "c")),
        ([(0, 1)], [(0,)], (), THREE[:2]),
        ([(0, 1)], [(1,), (1, 255)], (), THREE[:2]),
        ([(0, 1, 255), (0, 255), (255,)], [(0, 1)], (), THREE[:2]),
        ([(0, 1)], [(0, 1)], ("a", "b"), ("a", "b")),
        ([(0, 1)], [(0, 1)], ("a", "b", "c"), ("a", "b", "c")),
        ([(0, 2)], [(0,)], ("a", "b", "c"), ("a", "b", "c")),
        ([(1, 2)], [(2,)], ("a", "b", "c"), ("a", "b", "c")),
        ([(0,)], [(0,)], ("a", "b"), ("a", "b")),
    ],
)
def test_numbers_of_classes_are_labels(folder, train, validation, names, classes):
    config = folder(train=train, validation=validation, names=names)
    assert labels_of(config, "train") == train
    assert labels_of(config, "validation") == validation
    spec = open_source(config, "train").spec
    assert spec.classes == classes and spec.labels == ()
    assert spec.origin == (
        f"{config.raw_dir}/classes.txt" if names else "counted in the masks"
    )


BOTH = "the object, or --data.labels 0:0 255:void if 255 is void."
AMBIGUOUS = (
    "the mask value 255 is ambiguous, because it can be void or an object: the masks "
    "of split 'S' contain "
)
VOID = (
    f"{AMBIGUOUS}0 (12 pixels) and 255 (12 pixels) and nothing else. Pass "
    "--data.labels "
)
AND_1 = (
    "0:0 1:1 255:void if 255 is void, or the same with its class number instead of "
    "void if 255 is an object."
)
MIXED = (
    f"{AMBIGUOUS}0 (24 pixels), 1 (12 pixels), 255 (12 pixels), and 255 occurs only in "
    f"masks that otherwise contain only 0. Pass --data.labels {AND_1}"
)
GAP = (
    " leaves a gap: expected 0, 1, 2, ... without a gap (and 255 for void), because "
    "there is no class list, but the masks of split 'train' contain "
)
PASS = ". Pass the class (or void) of each value, such as --data.labels "
NAME = ", or pass all class names with --data.classes or classes.txt."


@pytest.mark.parametrize("names", [(), ("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        ([(0, 255)], [(0, 255)], "train/masks/m0.png: " + VOID + "0/255 if 255 is " + BOTH),
        ([(0, 255)], [(0,)], "train/masks/m0.png: " + VOID + "0/255 if 255 is " + BOTH),
        ([(0, 255)], [(0, 1)], "train/masks/m0.png: " + VOID + AND_1),
        ([(0, 1)], [(0, 255)], "validation/masks/m0.png: " + VOID + AND_1),
        ([(0, 1), (0, 255)], [(0, 1)], "train/masks/m1.png: " + MIXED),
        ([(0, 1)], [(0, 255), (0, 1)], "validation/masks/m0.png: " + MIXED),
        ([(0, 1)], [(255,)], f"validation/masks/m0.png: {AMBIGUOUS}255 (12 pixels) and "
         "nothing else. Pass --data.labels " + AND_1),
    ],
)  # fmt: skip
def test_255_that_may_be_the_object_is_refused(
    folder, train, validation, names, message
):
    found = refusal(folder(train=train, validation=validation, names=names))
    split = message.partition("/")[0]
    assert found == "ROOT/" + message.replace("'S'", repr(split))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 127), "the mask value 127" + GAP + "0 (12 pixels) and 127 (12 pixels)"
         + PASS + "0:0 127:1" + NAME),
        ((0, 128, 255), "the mask value 128" + GAP + "0 (12 pixels), 128 (12 pixels), "
         "255 (12 pixels)" + PASS + "0:0 128:1 255:void" + NAME),
        ((0, 1, 254), "the mask value 254" + GAP + "0 (12 pixels), 1 (12 pixels), 254 "
         "(12 pixels). Pass --data.labels 0:0 1:1 254:void if 254 is void, or 254:2 in "
         "its place if it is a class" + NAME),
        ((1, 2, 3), "the mask value 1" + GAP + "1 (12 pixels), 2 (12 pixels), 3 (12 "
         "pixels)" + PASS + "1:0 2:1 3:2" + NAME),
        (tuple(range(0, 250, 5)), "the mask value 5" + GAP + "0 (12 pixels), 5 (12 "
         "pixels), 10 (12 pixels), 15 (12 pixels), 20 (12 pixels), 25 (12 pixels), "
         "..., 245 (12 pixels) (50 values). If compression or resizing created such "
         "values, save the masks as PNG without resizing; otherwise pass a label map "
         "with --data.labels" + NAME),
        ((0,), "class 0 is the only class in the masks: expected two or more, but the "
         "masks of split 'train' contain 0 (12 pixels). If other classes are absent "
         "from the masks, pass all class names with --data.classes or classes.txt."),
    ],
)  # fmt: skip
def test_values_with_gaps_are_refused_without_a_list(folder, values, message):
    config = folder(train=[values], validation=[values])
    assert refusal(config) == "ROOT/train/masks/m0.png: " + message


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ((0, 1), (1, 2)),
        ((1, 2), (0, 1)),
        ((0, 1), (0, 2)),
        ((0, 1, 2, 255), (0, 1, 3)),
        ((0,), (1,)),
        ((2,), (0, 1, 255)),
    ],
)
def test_numbers_that_can_differ_between_splits_are_refused(folder, train, validation):
    message = refusal(folder(train=[train], validation=[validation]))
    top = max({*train, *validation} - {255})
    place = "train" if top in train else "validation"
    assert message.startswith(
        f"ROOT/{place}/masks/m0.png: the same class can have different values in "
        f"the splits. Expected one split with all values from 0 to {top}, "
    )
    for split, values in (("train", train), ("validation", validation)):
        words = [f"{value} (12 pixels)" for value in values]
        listed = (" and " if len(words) == 2 else ", ").join(words)
        assert f"the masks of split {split!r} contain {listed}" in message
    assert "pass all class names with --data.classes or classes.txt" in message


@pytest.mark.parametrize(
    ("train", "validation", "names", "split", "lacking"),
    [
        ((0, 1), (0, 1, 2), (), "train", "class_2"),
        ((0, 1, 2), (0, 1), (), "validation", "class_2"),
        ((1, 2), (0, 1, 2), ("a", "b", "c"), "train", "a"),
    ],
)
def test_classes_that_one_split_lacks_are_named(
    folder, caplog, train, validation, names, split, lacking
):
    config = folder(train=[train], validation=[validation], names=names)
    for _ in range(2):  # The second time the data are prepared.
        caplog.clear()
        open_source(config, "train")
        assert [record.getMessage() for record in caplog.records] == [
            f"Split {split!r} has no mask with a pixel of {lacking}, but another split "
            "has."
        ]


@pytest.mark.parametrize("given", ["file", "option"])
@pytest.mark.parametrize(
    ("values", "wrong", "example"),
    [
        ((0, 127), 127, "0:0 127:1"),
        ((0, 1, 250), 250, None),
        ((1, 2, 3), 3, "1:0 2:1 3:2"),
        ((0, 1, 2, 3, 255), 3, "0:0 1:1 2:2 3:3 255:void"),
    ],
)
def test_values_beyond_a_list_are_refused(folder, values, wrong, example, given):
    names = ("a", "b", "c")
    how = {"names": names} if given == "file" else {"classes": names}
    config = folder(train=[(0, 1)], validation=[(0,), values], **how)
    held = {value: 12 for value in values} | {0: 24 if 0 in values else 12}
    words = [f"{value} ({held[value]} pixels)" for value in sorted(held)]
    text = " and ".join(words) if len(words) == 2 else ", ".join(words)
    origin = "ROOT/classes.txt" if given == "file" else "--data.classes"
    if 0 not in values:
        example = "0:0 1:1 2:2 3:3"
    remedy = f"{PASS}{example}"
    if example is None:
        remedy = (
            ". Pass --data.labels 0:0 1:1 250:void if 250 is void, or 250:2 in its place "
            "if it is a class"
        )
    assert refusal(config) == (
        f"ROOT/validation/masks/m1.png: the mask value {wrong} is not the label of a "
        f"class: expected 0 to 2 for the 3 classes of {origin}, or 255 for void, but "
        f"the masks of split 'validation' contain {text}{remedy}, or correct the class "
        "list."
    )


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (0,), (0, 1, 255)])
def test_a_list_of_one_name_does_not_name_the_background(folder, values):
    config = folder(train=[values], validation=[values], names=("cell",))
    assert refusal(config) == (
        "ROOT/classes.txt contains only the class 'cell': expected at least two "
        "classes, because the pixels of the background need a class, too. Add the name "
        "of the background, as in --data.classes background cell. If the mask value of "
        "the object is 255, also pass --data.labels 0/255. To ignore the background "
        "instead, pass --data.labels 0:void 255:0."
    )


def test_the_remedy_keeps_a_name_of_several_words_together(folder):
    config = folder(train=[(0,)], validation=[(0,)], names=("red cell",))
    assert "--data.classes background 'red cell'. If" in refusal(config)


MAPPED = [  # values, map, labels, classes
    ((0, 255), "0/255", (0, 1), ("background", "object")),
    ((0, 127), "0/127", (0, 1), ("background", "object")),
    ((0, 255), "255/0", (1, 0), ("background", "object")),
    ((0, 255), ("0:0", "255:void"), (0, 255), THREE[:1]),
    ((0, 255), ("0:void", "255:0"), (255, 0), THREE[:1]),
    ((0, 1, 255), ("0:0", "1:1", "255:1"), (0, 1, 1), THREE[:2]),
    ((0, 1, 255), ("0:0", "1:1", "255:void"), (0, 1, 255), THREE[:2]),
    ((0, 128, 255), ((0, 0), (128, "void"), (255, 1)), (0, 255, 1), THREE[:2]),
    ((1, 2, 3), ("0:void", "1:0", "2:1", "3:2"), (0, 1, 2), THREE),
    ((0, 1, 254), "0:0 1:1 254:void", (0, 1, 255), THREE[:2]),
]


@pytest.mark.parametrize(("values", "labels", "expected", "classes"), MAPPED)
def test_a_label_map_says_what_values_mean(folder, values, labels, expected, classes):
    config = folder(train=[values], validation=[values], labels=labels)
    for split in ("train", "validation"):
        assert labels_of(config, split) == [expected]
    spec = open_source(config, "train").spec
    assert (spec.classes, spec.origin) == (classes, "--data.labels")
    stored = DatasetSpec.from_json(spec.to_json())
    assert stored == spec and dict(stored.labels).keys() >= set(values)


def test_a_label_map_and_a_class_list_go_together(folder):
    names = ("ground", "cell", "never")
    config = folder(
        train=[(0, 255)], validation=[(0, 255)], names=names, labels="0/255"
    )
    assert labels_of(config) == [(0, 1)]
    assert open_source(config, "train").spec.classes == names
    one = folder(
        train=[(0, 255)], validation=[(0, 255)], names=["cell"], labels="0:void 255:0"
    )
    assert labels_of(one) == [(255, 0)]
    assert open_source(one, "train").spec.classes == ("cell",)


def test_a_map_names_no_class_beyond_the_list(folder):
    names = ("ground", "cell")
    config = folder(train=[(0,)], validation=[(0,)], names=names, labels="0:0 9:2")
    assert refusal(config) == (
        "data.labels='0:0 9:2' is invalid: expected the classes 0 to 1 of "
        "ROOT/classes.txt, found 2. Add the missing class names or correct the map."
    )


def test_a_value_that_a_map_lacks_is_named_with_its_file(folder):
    config = folder(train=[(0, 255)], validation=[(0,), (0, 254)], labels="0/255")
    assert refusal(config) == (
        "ROOT/validation/masks/m1.png: the mask value 254 is not in the label map "
        "0:0 255:1: the masks of split 'validation' contain 0 (24 pixels) and 254 (12 "
        "pixels). Add 254:CLASS or 254:void to --data.labels."
    )


def test_a_changed_map_prepares_the_data_anew(folder):
    config = folder(train=[(0, 1)], validation=[(0, 1)])
    for labels, expected in (
        ((), (0, 1)),
        ("0:1 1:0", (1, 0)),
        (("1:0", "0:1"), (1, 0)),  # another spelling of the same
        ("0:0 1:void", (0, 255)),
    ):
        assert labels_of(dataclasses.replace(config, labels=labels)) == [expected]
    assert len(list(pathlib.Path(config.prepared_dir).glob("*/folder/*/1.0.0"))) == 3


def test_bad_masks_are_left_out_where_that_is_asked_for(folder):
    options = {"on_bad_file": "skip", "classes": ("a", "b")}
    config = folder(train=[(0, 1), (0, 7)], validation=[(0, 1)], **options)
    assert labels_of(config) == [(0, 1)]
    config = folder(
        train=[(0, 254), (0, 255)], validation=[(255,)], on_bad_file="skip",
        labels="0/255",
    )  # fmt: skip
    assert labels_of(config) == [(0, 1)]


def test_skipping_does_not_make_255_clear(folder):
    config = folder(train=[(0, 1)], validation=[(0, 255)], on_bad_file="skip")
    assert refusal(config).startswith(
        "ROOT/validation/masks/m0.png: the mask value 255 is ambiguous"
    )


@pytest.mark.parametrize("form", ["png", "palette", "tiff", "lossless webp"])
def test_indices_of_lossless_files_are_labels(folder, form):
    masks = [(0, 1, 2, 255)]
    config = folder(form=form, train=masks, validation=masks)
    assert labels_of(config) == masks


def test_one_bit_masks_are_two_classes(folder):
    config = folder(form="bits", train=[(0, 1)], validation=[(0, 1)])
    assert labels_of(config) == [(0, 1)]


@pytest.mark.parametrize("form", ["color", "gray rgb", "color webp"])
@pytest.mark.parametrize("labels", [(), "0/255"])
def test_colors_are_no_labels(folder, form, labels):
    config = folder(form=form, train=[(0, 255)], validation=[(0, 255)], labels=labels)
    assert "RGB mask, but an index mask is expected" in refusal(config)


@pytest.mark.parametrize("values", [(0, 1, 255), (2, 1, 0)])
def test_masks_of_16_bits(folder, values):
    config = folder(dtype=np.uint16, train=[values], validation=[values])
    assert labels_of(config) == [values]


def test_values_beyond_a_byte_need_a_map(folder):
    config = folder(dtype=np.uint16, train=[(0, 65535)], validation=[(0, 65535)])
    assert PASS + "0:0 65535:1" in refusal(config)
    assert labels_of(dataclasses.replace(config, labels="0/65535")) == [(0, 1)]


LOSSY = ("jpeg", "jpeg named png", "rgb jpeg", "webp", "jpeg tiff")


@pytest.mark.parametrize("form", LOSSY)
def test_lossy_masks_are_refused(folder, form):
    suffix = FORMS[form][1]
    config = folder(form=form, train=[(0, 255)], validation=[(0, 255)])
    assert refusal(config) == (
        f"split 'train': ROOT/train/masks/m0{suffix}: the compression of lossy formats "
        "(JPEG, WebP) changes mask values. Save the masks as PNG, or pass the true "
        "values, such as --data.labels 0/255. Each pixel then gets the nearest value."
    )
    named = folder(
        form=form, train=[(0, 255)], validation=[(0, 255)], classes=("a", "b")
    )
    assert "the compression of lossy formats" in refusal(named)


@pytest.mark.parametrize("form", ["jpeg", "jpeg named png", "webp", "jpeg tiff"])
def test_a_map_snaps_lossy_masks(folder, form):
    masks = [(0, 255, 0, 255), (255, 255, 0)]
    config = folder(form=form, train=masks, validation=masks, labels="0/255")
    assert labels_of(config) == [(0, 1, 0, 1), (1, 1, 0)]


def test_a_map_for_lossy_masks_needs_values_far_apart(folder):
    config = folder(
        form="jpeg", train=[(0, 1)], validation=[(0, 1)], labels="0:0 31:1 255:void"
    )
    assert refusal(config) == (
        "split 'train': ROOT/train/masks/m0.jpg: the values of the label map 0:0 31:1 "
        "255:void are only 31 apart: expected 32 or more for lossy formats (JPEG, "
        "WebP). Save the masks as PNG."
    )


@pytest.mark.parametrize("name", ["shapes", "raters", "rooms"])
def test_drawn_data_have_no_masks_to_map(tmp_path, name):
    config = DataConfig(name, prepared_dir=str(tmp_path), labels="0/255")
    opened = open_clouds if name == "rooms" else open_source
    with pytest.raises(ValueError, match=r"data.labels='0/255' is invalid: expected n"):
        opened(config, "train")


def test_named_datasets_take_a_map_too(tmp_path):
    for part, pixels in (
        ("image", np.zeros((4, 9, 3), np.uint8)),
        ("label", stripes((1, 0, 1))),
    ):
        (tmp_path / part).mkdir()
        for number in range(5):
            Image.fromarray(pixels).save(tmp_path / part / f"{number}.png")
    config = DataConfig(
        "isbi", raw_dir=str(tmp_path), prepared_dir=str(tmp_path / "out")
    )
    with pytest.raises(
        ValueError, match="mask value 1 is not in the label map 0:0 255"
    ):
        open_source(config, "train")
    mapped = DataConfig(
        "isbi",
        raw_dir=str(tmp_path),
        prepared_dir=str(tmp_path / "out"),
        labels="0:0 1:1",
    )
    source = open_source(mapped, "train")
    np.testing.assert_array_equal(source[0]["label"], stripes((1, 0, 1)))
    assert source.spec.labels == ((0, 0), (1, 1))
    assert json.loads(source.spec.to_json())["labels"] == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "2 classes (counted in the masks): class_0, class_1"),
        ({"names": ("bg", "cell")}, "2 classes (ROOT/classes.txt): bg, cell"),
        ({"classes": ("bg", "cell")}, "2 classes (--data.classes): bg, cell"),
        (
            {"labels": "0:1 1:0"},
            "2 classes (--data.labels): class_0, class_1; label map 0:1 1:0",
        ),
        (
            {"classes": [f"c{k}" for k in range(30)]},
            f"30 classes (--data.classes): {', '.join(f'c{k}' for k in range(20))}, "
            "..., c29",
        ),
    ],
)
def test_the_first_line_of_a_run_names_the_classes(folder, options, line):
    config = folder(train=[(0, 1)], validation=[(0, 1)], **options)
    found = describe_classes(open_source(config, "train").spec)
    assert found.replace(config.raw_dir, "ROOT") == line


def test_classes_that_never_occur_are_said(folder, caplog):
    names = ("bg", "cell", "wall", "door")
    config = folder(train=[(1, 3)], validation=[(0, 1)], classes=names)
    open_source(config, "train")
    assert "Dataset 'folder' has no mask with a pixel of wall" in caplog.text
