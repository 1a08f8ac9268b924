"""`jaxseg eval --receipt` and `jaxseg verify`: the same counts, and what differs."""

import dataclasses
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data import open_source
from jaxseg.metrics.image_counts import ImageCounts
from jaxseg.receipts import read_receipt, write_receipt
from jaxseg.receipts.comparison import compare, moved_pixels
from jaxseg.receipts.program import digest_sources
from jaxseg.runs.directory import build_model, write_run

PHOTOS = pathlib.Path(__file__).parents[1] / "golden" / "photos"


@pytest.fixture(scope="module")
def place(tmp_path_factory, fill):
    """A folder of images, a run with random weights on it, and its receipt."""
    root = tmp_path_factory.mktemp("receipt")
    shutil.copytree(PHOTOS, root / "photos")
    where = {"raw_dir": str(root / "photos"), "prepared_dir": str(root / "a")}
    data = DataConfig("folder", crop=(16, 24), **where)
    config = Config(ModelConfig("unet", {"width": 4, "depth": 1}), data)
    spec = open_source(data, "validation").spec
    write_run(root / "run", config, spec)
    model = build_model(config, spec.num_classes)
    with Checkpoints(root / "run" / "ckpt") as checkpoints:
        checkpoints.save(1, fill(model, (1, 32, 32, 3)), meta={})
    assert evaluate(root, "a.json", "--devices=1", "--clean.min-size=9") == 0
    return root


def evaluate(root, name, *more):
    return main(["eval", str(root / "run"), f"--receipt={root / name}", *more])


def verify(root, *more):
    return main(["verify", str(root / "a.json"), *more])


@pytest.mark.slow
def test_the_receipt_contains_digests_and_all_counts(place):
    content = json.loads((place / "a.json").read_text())
    images = content["images"]
    digests = {one["name"]: one["image"] for one in images}
    assert sorted(digests) == ["scene0", "scene1", "scene2"]
    pixels = Image.open(place / "photos/validation/images/scene1.png")
    pixels = np.asarray(pixels.convert("RGB"))
    text = f"uint8{list(pixels.shape)}\n".encode() + pixels.tobytes()
    assert digests["scene1"] == hashlib.sha256(text).hexdigest()
    total = np.zeros_like(content["total"]).ravel()
    for one in images:
        for cell, count in one["counts"]:
            total[cell] += count
    assert total.tolist() == np.ravel(content["total"]).tolist()
    assert total.sum() == np.sum(content["total_refined"]) > 2 * pixels[..., 0].size
    assert content["total"] != content["total_refined"]


@pytest.mark.slow
def test_receipts_are_equal_for_all_batch_sizes_and_devices(place, capsys):
    options = ("--clean.min-size=9", "--batch-size=1", "--devices=2")
    assert evaluate(place, "b.json", *options) == 0
    assert (place / "a.json").read_bytes() == (place / "b.json").read_bytes()
    capsys.readouterr()
    assert verify(place, "--batch-size=3", "--devices=8") == 0
    text = capsys.readouterr().out
    assert "verified: data, weights and the counts of" in text
    assert "differs" not in text and "note" not in text


@pytest.mark.slow
@pytest.mark.parametrize("part", ["images", "masks"])
def test_one_changed_pixel_is_found(place, tmp_path, capsys, part):
    shutil.copytree(PHOTOS, tmp_path / "photos")
    file = tmp_path / "photos/validation" / part / "scene2.png"
    with Image.open(file) as image:
        mode, palette, pixels = image.mode, image.getpalette(), np.array(image)
    pixels[5, 7] = 1 - pixels[5, 7] % 2  # another value, which is a class of a mask
    changed = Image.fromarray(pixels, mode)
    if palette:
        changed.putpalette(palette)
    changed.save(file)
    where = [f"--data.raw-dir={tmp_path / 'photos'}"]
    where += [f"--data.prepared-dir={tmp_path / 'prepared'}", "--devices=1"]
    assert verify(place, *where) == 1
    text = capsys.readouterr().out
    name = "image" if part == "images" else "label"
    assert f"differs: data: the pixels of the {name} of scene2 differ ({file})" in text
    assert text.rstrip().endswith("not verified") and "scene1" not in text
    if part == "masks":
        assert "counts: scene2 differs at 1 pixel or more of " in text


@pytest.mark.slow
def test_differences_are_told_apart(place):
    stored, intact = read_receipt(place / "a.json")
    assert intact and compare(stored, stored).agrees
    newer = {**stored.program, "packages": {**stored.program["packages"], "jax": "9"}}
    comparison = compare(stored, dataclasses.replace(stored, program=newer))
    version = stored.program["packages"]["jax"]
    assert comparison.agrees
    assert comparison.notes == (f"program: jax was {version} and is 9",)
    first = dict(list(stored.weights.items())[:1])
    other = {**stored.weights, **{name: "float32[1] 00" for name in first}}
    comparison = compare(stored, dataclasses.replace(stored, weights=other))
    assert not comparison.agrees and next(iter(first)) in comparison.inputs[0]
    comparison = compare(stored, dataclasses.replace(stored, images=stored.images[1:]))
    assert "data: scene0 is missing" in comparison.inputs


@pytest.mark.slow
def test_an_edited_receipt_is_found(place, tmp_path):
    text = (place / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("scene0", "scene9"))
    stored, intact = read_receipt(tmp_path / "a.json")
    assert not intact and not compare(stored, stored, intact=intact).agrees
    write_receipt(tmp_path / "b.json", read_receipt(place / "a.json")[0])
    assert (tmp_path / "b.json").read_text() == text
    content = json.loads(text)
    content["images"][0]["counts"][0][1] += 1
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="do not add up to the total"):
        read_receipt(tmp_path / "c.json")


@pytest.mark.slow
def test_a_damaged_receipt_is_refused(place, tmp_path, capsys):
    content = json.loads((place / "a.json").read_text())
    content["evaluation"]["refinement"]["clean"]["size"] = 3
    damaged = {key: value for key, value in content.items() if key != "images"}
    damaged["images"] = [{**content["images"][0], "counts": [[2**70, 1]]}]
    foreign = json.loads((place / "a.json").read_text())
    foreign["configuration"]["data"]["module"] = "roofs.py"
    named = "If you trust the file, pass --data.module roofs.py."
    for one, word in (
        (content, "'size'"),
        (damaged, "OverflowError"),
        (foreign, named),
    ):
        (tmp_path / "a.json").write_text(json.dumps(one))
        assert main(["verify", str(tmp_path / "a.json")]) == 1
        error = capsys.readouterr().err
        assert word in error and error.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"receipt": 1}', '{"receipt": 2}'])
def test_a_file_that_is_no_receipt_is_refused(tmp_path, capsys, text):
    (tmp_path / "a.json").write_text(text)
    assert main(["verify", str(tmp_path / "a.json")]) == 1
    error = capsys.readouterr().err
    assert "is invalid: expected a file that `jaxseg eval --receipt`" in error
    assert error.count("\n") == 1


def test_moved_pixels_are_counted():
    counts = lambda *pairs: ImageCounts(*np.array(pairs, np.int64).T)
    one = counts((0, 5), (3, 2))
    assert moved_pixels(one, one) == 0
    assert moved_pixels(one, counts((0, 3), (2, 1), (3, 3))) == 2
    assert moved_pixels(one, counts((0, 5))) == 2
    assert moved_pixels(counts((0, 5)), one) == 2


def test_the_digest_of_sources_depends_on_names_and_contents(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    first = digest_sources(tmp_path)
    (tmp_path / "note.txt").write_text("no source")
    assert digest_sources(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    second = digest_sources(tmp_path)
    (tmp_path / "b.py").write_text("x = 2\n")
    assert len({first, second, digest_sources(tmp_path)}) == 3
