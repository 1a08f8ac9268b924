"""Tests the readers of annotation files of labeling tools."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from jaxseg.data.layouts import folder_pairs
from jaxseg.data.mask_reader import MaskReader
from jaxseg.data.polygons import (
    DrawRules,
    draw_labels,
    encode_rle,
    read_annotations,
    write_folder,
)

SIZE = (10, 20)
BOX = np.zeros(SIZE, bool)
BOX[2:6, 4:10] = True  # the truth of the shape that every file below annotates
CORNERS = [[4, 2], [10, 2], [10, 6], [4, 6]]


def png(mask, file_format="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(buffer, file_format)
    return base64.b64encode(buffer.getvalue()).decode()


def brush(mask):
    """Encodes a brush mask of Label Studio with alternating single values and runs."""
    bits = []

    def put(value, count):
        bits.extend(int(b) for b in format(value, f"0{count}b"))

    flat = np.repeat(mask.ravel() * 255, 4)
    put(flat.size, 32)
    put(7, 5)  # words of 8 bits
    for length in (3, 7, 7, 15):
        put(length, 4)
    place = 0
    while place < flat.size:
        end = place + 1
        while end < flat.size and flat[end] == flat[place] and end - place < 256:
            end += 1
        put(1, 1)
        put(1, 2)  # the second length: 8 bits
        put(end - place - 1, 8)
        put(int(flat[place]), 8)
        place = end
        if place + 2 <= flat.size:
            put(0, 1)
            put(0, 2)  # the first length: 4 bits
            put(1, 4)
            put(int(flat[place]), 8)
            put(int(flat[place + 1]), 8)
            place += 2
    bits += [0] * (-len(bits) % 8)
    return np.packbits(bits).tolist()


def coco(segmentation):
    return {
        "images": [{"id": 9, "file_name": "a.png", "height": 10, "width": 20}],
        "categories": [{"id": 3, "name": "box"}, {"id": 1, "name": "ground"}],
        "annotations": [
            {"image_id": 9, "category_id": 3, "segmentation": segmentation}
        ],
    }


def labelme(**shape):
    return {
        "imageHeight": 10,
        "imageWidth": 20,
        "imagePath": "..\\photos\\a.png",
        "shapes": [{"label": "box", **shape}],
    }


def studio(kind, **value):
    region = {"type": kind, "original_height": 10, "original_width": 20}
    region["value"] = {kind: ["box"], **value}
    return [
        {
            "data": {"image": "/data/upload/1/0a1b2c3d-a.png?d=5"},
            "annotations": [
                {"was_cancelled": True, "result": []},
                {"result": [{"type": "choices"}, region]},
            ],
        }
    ]


FILES = {
    "coco polygon": coco([[x for point in CORNERS for x in point]]),
    "coco runs": coco(encode_rle(BOX)),
    "coco counts": coco(
        {"size": [10, 20], "counts": [42, 4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 4, 104]}
    ),
    "labelme polygon": labelme(points=CORNERS),
    "labelme rectangle": labelme(points=[[10, 6], [4, 2]], shape_type="rectangle"),
    "labelme mask": labelme(
        points=[[4, 2], [9, 5]], shape_type="mask", mask=png(np.ones((4, 6)))
    ),
    "studio polygon": studio(
        "polygonlabels", points=[[x * 5, y * 10] for x, y in CORNERS]
    ),
    "studio rectangle": studio("rectanglelabels", x=20, y=20, width=30, height=40),
    "studio rotated": studio(
        "rectanglelabels", x=50, y=20, width=20, height=60, rotation=90
    ),
    "studio brush": studio("brushlabels", rle=brush(BOX)),
    "cityscapes": {
        "imgHeight": 10,
        "imgWidth": 20,
        "objects": [
            {"label": "tree", "deleted": 1, "polygon": [[0, 0], [20, 0], [20, 9]]},
            {"label": "box", "polygon": CORNERS},
        ],
    },
}


@pytest.mark.parametrize("form", FILES)
def test_every_form_gives_the_same_labels(form, tmp_path):
    path = tmp_path / "a_gtFine_polygons.json"
    path.write_text(json.dumps(FILES[form]))
    classes, (image,) = read_annotations(path)
    assert classes == (("ground", "box") if "coco" in form else ("box",))
    assert image.name == ("a" if form == "cityscapes" else "a.png")
    labels = draw_labels(image, DrawRules(("ground", "box"), "ground"))
    np.testing.assert_array_equal(labels, BOX)


def test_circles_and_ellipses_have_their_area(tmp_path):
    path = tmp_path / "a.json"
    big = {"imageHeight": 200, "imageWidth": 200}
    circle = labelme(points=[[100, 100], [160, 180]], shape_type="circle") | big
    ellipse = studio("ellipselabels", x=50, y=50, radiusX=40, radiusY=20, rotation=30)
    ellipse[0]["annotations"][1]["result"][1] |= {
        "original_height": 200,
        "original_width": 200,
    }
    for file, area in ((circle, 100**2 * np.pi), (ellipse, 80 * 40 * np.pi)):
        path.write_text(json.dumps(file))
        _, (image,) = read_annotations(path)
        labels = draw_labels(image, DrawRules(("ground", "box"), "ground"))
        inside = labels.sum()
        assert abs(inside - area) < 0.003 * area


WRONG = {
    "no fields": ({}, "has an unknown format: expected a file of COCO"),
    "no height": ({"shapes": []}, "has no field 'imageHeight'"),
    "odd": (coco([[1, 2, 3, 4, 5]]), r"segmentation\[0\].*three points"),
    "size": (coco({"size": [20, 10], "counts": [200]}), r"size.*\[10, 20\]"),
    "category": (coco([]) | {"categories": []}, "category_id=3 .*the file lists"),
    "line": (labelme(points=CORNERS[:2], shape_type="line"), "have an area"),
    "infinite": (labelme(points=[[0, 0], [1, float("inf")], [1, 1]]), "finite number"),
    "few": (labelme(points=CORNERS[:2]), "3 or more points for a polygon"),
    "outside": (
        labelme(points=[[18, 2]] * 2, shape_type="mask", mask=png(np.ones((4, 6)))),
        "inside the image",
    ),
    "a JPEG": (
        labelme(points=CORNERS, shape_type="mask", mask=png(np.ones((4, 6)), "JPEG")),
        "is not a PNG in base64",
    ),
    "a mask of many pixels": (
        labelme(points=CORNERS, shape_type="mask", mask=png(np.zeros((20_000, 20)))),
        "the size of the mask",
    ),
    "not a PNG": (labelme(points=CORNERS, shape_type="mask", mask="%%"), "PNG in"),
    "empty task": ([{"data": {}, "annotations": []}], "has no annotated region"),
    "cut": (
        studio("brushlabels", rle=brush(BOX)[:-4]),
        "a brush mask with a value for each pixel of the image",
    ),
    "bytes": (
        studio("brushlabels", rle=[256]),
        "a list of whole numbers from 0 to 255",
    ),
    "sides": (labelme(points=CORNERS) | {"imageWidth": 0}, "from 1 to 1000000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_refused_with_the_place(case, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(WRONG[case][0]))
    with pytest.raises(ValueError, match=WRONG[case][1]) as caught:
        read_annotations(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_json(tmp_path):
    path = tmp_path / "a.json"
    for data in (b"{", b"\xff\xfe", b"[" * 100_000):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.json is not JSON"):
            read_annotations(path)


def test_a_folder_of_files_becomes_a_folder_of_masks(tmp_path):
    source, files = tmp_path / "photos", tmp_path / "json"
    for folder in (source, files):
        folder.mkdir()
    for name in ("a", "b"):
        Image.new("RGB", SIZE[::-1]).save(source / f"{name}.jpg")
        file = labelme(points=CORNERS) | {"imagePath": f"{name}.jpg"}
        (files / f"{name}.json").write_text(json.dumps(file))
    classes, images = read_annotations(files)
    rules = DrawRules(("ground", *classes), "ground")
    target = tmp_path / "out"
    with pytest.raises(ValueError, match=r"json.* expected this image in"):
        write_folder(images, rules, source=files.parent, target=target)
    assert not target.exists()
    assert write_folder(images, rules, source=source, target=target) == 2
    (split,) = folder_pairs(target).values()
    for pair in split:
        np.testing.assert_array_equal(MaskReader(num_classes=2).read(pair.mask), BOX)
        assert pair.image.resolve() == (source / f"{pair.name}.jpg").resolve()
    assert (target / "classes.txt").read_text() == "ground\nbox\n"
    with pytest.raises(ValueError, match="is not empty"):
        write_folder(images, rules, source=source, target=target)


@pytest.mark.parametrize(
    "form", ["coco polygon", "labelme polygon", "studio polygon", "cityscapes"]
)
def test_images_of_another_size_are_refused(form, tmp_path):
    path, source = tmp_path / "a_gtFine_polygons.json", tmp_path / "photos"
    path.write_text(json.dumps(FILES[form]))
    source.mkdir()
    Image.new("RGB", (40, 30)).save(source / "a.png")
    _, images = read_annotations(path)
    rules, target = DrawRules(("ground", "box"), "ground"), tmp_path / "out"
    message = rf"{path.name}: the size 10 x 20 .*expected 30 x 40 .*photos/a\.png\. "
    with pytest.raises(ValueError, match=message) as caught:
        write_folder(images, rules, source=source, target=target)
    assert not target.exists() and "\n" not in str(caught.value)


def test_a_size_before_the_orientation_tag_is_refused(tmp_path):
    path, source = tmp_path / "a.json", tmp_path / "photos"
    path.write_text(json.dumps(labelme(points=CORNERS)))
    source.mkdir()
    tag = Image.Exif()
    tag[0x0112] = 6
    Image.new("RGB", SIZE[::-1]).save(source / "a.png", exif=tag)
    _, images = read_annotations(path)
    with pytest.raises(ValueError, match=r"expected 20 x 10 .*orientation tag"):
        write_folder(
            images, DrawRules(("box",)), source=source, target=tmp_path / "out"
        )


def test_annotations_of_nothing_are_refused(tmp_path):
    path = tmp_path / "a.json"
    for empty in ([], coco([]) | {"images": [], "annotations": []}):
        path.write_text(json.dumps(empty))
        with pytest.raises(ValueError, match=r"a\.json annotates no image"):
            read_annotations(path)
    with pytest.raises(ValueError, match=r"classes=\(\) is invalid: expected at least"):
        DrawRules(())
