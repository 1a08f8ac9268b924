"""Plants one fault of each kind and expects `data check` to find and name it."""

import base64
import io
import json
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.fft import idctn

from jaxseg.audit.check import check_data
from jaxseg.audit.hashing import near_pairs, perceptual_hash
from jaxseg.audit.kinds import KINDS
from jaxseg.cli.main import main
from jaxseg.config import DataConfig
from jaxseg.data import open_source
from jaxseg.data.stored import RejectedData
from tests.audit.conftest import blocks, photo, save


def check(root, tmp_path, *more):
    """Returns the exit status and the JSON of a check."""
    out = tmp_path / "out"
    status = main(["data", "check", str(root), "-o", str(out), *more])
    return status, json.loads((out / "check.json").read_text())


def by_kind(result):
    """Returns the names of the files of each kind of finding."""
    found = {}
    for finding in result["findings"]:
        names = {os.path.basename(file) for file in finding["files"]}
        found[finding["kind"]] = found.get(finding["kind"], set()) | names
    return found


def plant_files(train):
    """Plants the faults of single files; returns the files of each kind."""
    save(train, "no_mask", photo(10))
    save(train, "no_image", mask=blocks(10))
    save(train, "broken", photo(11), blocks(11))
    data = (train / "images/broken.png").read_bytes()
    (train / "images/broken.png").write_bytes(data[: len(data) // 2])
    save(train, "colors", photo(12), np.dstack([blocks(12)] * 3))
    save(train, "wide", photo(13)[..., 0].astype(np.uint16) * 200, blocks(13))
    save(train, "lossy", photo(14))
    Image.fromarray(blocks(14)).save(train / "masks/lossy.jpg")
    save(train, "small", photo(15), blocks(15, (40, 64)))
    save(train, "seven", photo(16), np.where(blocks(16) == 1, 7, 0).astype(np.uint8))
    save(train, "bad\udcff", photo(17), blocks(17))
    return {
        "missing_mask": {"no_mask.png"},
        "missing_image": {"no_image.png"},
        "unreadable_image": {"broken.png"},
        "unreadable_mask": {"colors.png"},
        "other_pixels": {"wide.png"},
        "lossy_mask": {"lossy.png", "lossy.jpg"},
        "size_mismatch": {"small.png"},
        "mask_value": {"seven.png"},
        "bad_name": {"bad\udcff.png"},
    }


def plant_weak(root):
    """Plants what `train` accepts; returns the files of each kind."""
    train = root / "train"
    empty = np.zeros((48, 64), np.uint8)
    empty[5, 5] = 1  # 1 of 3072 pixels
    save(train, "empty", photo(20), empty)
    save(train, "flat", np.full((48, 64, 3), 90, np.uint8), blocks(21))
    save(train, "turned", None, blocks(22, (64, 48)))
    tag = Image.Exif()
    tag[0x0112] = 6
    picture = Image.fromarray(photo(22))
    picture.save(train / "images/turned.jpg", exif=tag, quality=95)
    save(train, "again", photo(0), blocks(23))
    save(root / "val", "same", mask=blocks(24))
    half = Image.fromarray(photo(1)).resize((32, 24))
    half.resize((64, 48)).save(root / "val/images/same.jpg", quality=60)
    (train / "images/notes.txt").write_text("x")
    return {
        "nearly_empty_mask": {"empty.png"},
        "flat_image": {"flat.png"},
        "rotated_image": {"turned.jpg", "turned.png"},
        "duplicate_within": {"a.png", "again.png"},
        "duplicate_across": {"b.png", "same.jpg"},
        "left_out": {"notes.txt"},
    }


def test_every_planted_fault_is_found_and_named(clean, tmp_path, capsys):
    expected = plant_files(clean / "train") | plant_weak(clean)
    for seed, name in enumerate("xy"):
        binary = np.where(blocks(30 + seed) == 1, 255, 0).astype(np.uint8)
        save(clean / "binary", name, photo(30 + seed), binary)
    for part in ("images", "masks"):
        (clean / "test" / part).mkdir(parents=True)
    expected |= {"ambiguous_value": {"x.png"}, "empty_split": set()}
    (clean / "val").rename(clean / "minival")
    expected |= {"missing_split": set()}  # The default of data.eval_split.
    expected |= {"absent_class": set()}  # "binary" has neither cell nor vessel
    status, result = check(clean, tmp_path)
    assert status == 1
    assert by_kind(result) == expected
    for finding in result["findings"]:
        names = [os.path.basename(file) for file in finding["files"]]
        assert finding["level"] == KINDS[finding["kind"]].level
        assert not names or any(name[:3] in finding["message"] for name in names)
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict.startswith("REJECTED: 12 errors and 7 warnings in 22 pairs")
    assert result["verdict"] == verdict
    page = (tmp_path / "out/index.html").read_text()
    assert all(f"({kind})" in page for kind in expected)
    assert (
        "http:" not in page and "https:" not in page and '<meta name="viewport"' in page
    )


def test_a_clean_folder_is_accepted_and_measured(clean, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as notebooks set it
    status, result = check(clean, tmp_path)
    printed = capsys.readouterr()
    assert "\x1b" not in printed.err  # no progress bar without a terminal
    out = printed.out.splitlines()
    assert status == 0 and result["findings"] == []
    assert out[-1] == "OK: no fault was found in 6 pairs of 2 splits of folder."
    train = result["splits"]["train"]
    images = np.stack([photo(seed) for seed in range(4)]) / 255
    masks = np.stack([blocks(seed) for seed in range(4)])
    np.testing.assert_allclose(train["mean"], images.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(train["std"], images.std((0, 1, 2)), rtol=1e-6)
    assert train["range"] == [round(255 * images.min()), round(255 * images.max())]
    assert train["image_sizes"] == {"48x64": 4} and train["image_forms"] == {
        "PNG RGB": 4
    }
    counts = [int((masks == k).sum()) for k in range(3)]
    assert [row["pixels"] for row in train["classes"]] == counts
    shares = np.array(counts) / sum(counts)
    np.testing.assert_allclose([r["frequency"] for r in train["classes"]], shares)
    weights = [row["weight"] for row in train["classes"]]
    np.testing.assert_allclose(weights, np.median(shares) / shares, rtol=1e-6)
    values = {
        row["value"]: (row["meaning"], row["pixels"]) for row in train["mask_values"]
    }
    assert values[2] == ("vessel", counts[2])
    assert values[255] == ("void", (masks == 255).sum())
    assert train["void"] == pytest.approx((masks == 255).mean())


def test_the_page_shows_each_sampled_pair_with_its_overlay(clean, tmp_path):
    check(clean, tmp_path)
    page = (tmp_path / "out/index.html").read_text()
    pictures = re.findall(r'alt="(\w)" src="data:image/jpeg;base64,([^"]+)"', page)
    assert [name for name, _ in pictures] == list("abcdef")
    with Image.open(io.BytesIO(base64.b64decode(pictures[0][1]))) as picture:
        pixels = np.asarray(picture).astype(int)
    assert pixels.shape == (8 * 48, 512 + 4 + 512, 3)  # Enlarged 8 times.
    pixels = np.hstack(
        [pixels[4::8, start : start + 512][:, 4::8] for start in (0, 516)]
    )
    assert np.abs(pixels[:, :64] - photo(0)).mean() < 8
    ground = blocks(0) == 0  # is drawn black, over half of the image
    assert np.abs(pixels[:, 64:] - photo(0) / 2)[ground].mean() < 12


def test_a_label_map_makes_lossy_masks_a_warning(clean, tmp_path):
    for name in "abcd":
        path = clean / "train/masks" / f"{name}.png"
        path.unlink()
        mask = np.where(blocks(ord(name)) > 0, 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(path.with_suffix(".jpg"), quality=90)
    for name in "ef":
        mask = np.where(blocks(ord(name)) > 0, 255, 0).astype(np.uint8)
        save(clean / "val", name, mask=mask)
    (clean / "classes.txt").unlink()
    status, result = check(clean, tmp_path, "--data.labels", "0/255")
    assert status == 0 and result["classes"] == ["background", "object"]
    assert set(by_kind(result)) == {"snapped_mask"} and result["warnings"] == 4
    assert check(clean, tmp_path, "--data.labels", "0/255", "--strict")[0] == 1


def test_files_that_cannot_be_paired_are_an_error(clean, tmp_path, capsys):
    save(clean / "train", "a", photo(0), end=".jpg")
    status, result = check(clean, tmp_path)
    assert status == 1 and set(by_kind(result)) == {"layout"}
    assert "share one name" in result["findings"][0]["message"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("REJECTED: 1 error ")


def test_classes_that_nothing_names_are_counted(clean, tmp_path):
    (clean / "classes.txt").unlink()
    status, result = check(clean, tmp_path)
    assert status == 0 and result["classes"] == ["class_0", "class_1", "class_2"]
    save(
        clean / "train",
        "gap",
        photo(9),
        np.where(blocks(9) == 2, 4, 0).astype(np.uint8),
    )
    status, result = check(clean, tmp_path)
    assert status == 1 and set(by_kind(result)) == {"mask_value", "absent_class"}


def test_published_splits_of_another_size_are_a_warning(tmp_path):
    for number, split in enumerate(("train", "val")):
        save(tmp_path / split, "a", photo(number), blocks(number))
        (tmp_path / split / "images").rename(tmp_path / f"{split}_")
        (tmp_path / split / "masks").rename(tmp_path / f"{split}annot")
        (tmp_path / split).rmdir()
        (tmp_path / f"{split}_").rename(tmp_path / split)
    audit = check_data(DataConfig("camvid", raw_dir=str(tmp_path)))
    assert audit.spec.classes[0] == "sky"
    kinds = [finding.kind for finding in audit.findings]
    assert kinds == ["absent_class"] * 2 + ["published_count"] * 2


def cosines(gray):
    """The 8 x 8 frequencies of the hash by explicit sums over all pixels."""
    place, number = np.arange(32) + 0.5, np.arange(1, 9)[:, None]
    basis = np.cos(np.pi * number * place / 32)
    return basis @ gray @ basis.T


def test_the_hash_says_which_frequencies_are_above_the_median():
    gray = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    expected = (cosines(gray) > np.median(cosines(gray))).ravel()
    value = np.array([perceptual_hash(gray)])
    np.testing.assert_array_equal(np.unpackbits(value.view(np.uint8)), expected)


def test_only_near_images_with_structure_are_pairs():
    rng = np.random.default_rng(0)
    spectrum = rng.normal(0, 400, (32, 32)) / (
        1 + np.add.outer(np.arange(32), np.arange(32))
    )
    spectrum[0, 0] = 32 * 128
    one = np.clip(idctn(spectrum, norm="ortho"), 0, 255)
    noisy, flat = one + rng.normal(0, 1, one.shape), np.full_like(one, 9)
    grays = np.stack([one, one * 0.9 + 5, noisy, one[:, ::-1], flat, flat])
    grays = grays.astype(np.uint8)
    hashes = np.array([perceptual_hash(gray) for gray in grays])
    assert near_pairs(hashes, grays) == [(0, 1), (0, 2), (1, 2)]


def test_the_image_of_several_raters_is_no_duplicate(tmp_path):
    for seed, part in enumerate(("train", "val", "test")):
        for number in range(2):
            image, mask = (
                tmp_path / "raw" / part / kind / f"LIDC-IDRI-0001/z{number}"
                for kind in ("images", "gt")
            )
            image.parent.mkdir(parents=True, exist_ok=True)
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo(2 * seed + number)).save(f"{image}.png")
            for rater in range(4):
                lesion = (blocks(rater) == 1).astype(np.uint8) * 255
                Image.fromarray(lesion).save(f"{mask}_l{rater}.png")
    audit = check_data(DataConfig("lidc", raw_dir=str(tmp_path / "raw")))
    kinds = {finding["kind"] for finding in audit.to_dict()["findings"]}
    assert "published_count" in kinds and not {k for k in kinds if "duplicate" in k}


def opened(root, tmp_path):
    """Opens a folder as `train` does."""
    where = {"raw_dir": str(root), "prepared_dir": str(tmp_path / "prepared")}
    return open_source(DataConfig("folder", **where), "train")


def test_training_rejects_each_error_and_accepts_all_warnings(clean, tmp_path):
    planted = plant_files(tmp_path / "planted")
    for number, names in enumerate(planted.values()):
        root = tmp_path / str(number)
        shutil.copytree(clean, root)
        stems = {pathlib.Path(name).stem for name in names}
        for path in (tmp_path / "planted").rglob("*.*"):
            if path.stem in stems:
                shutil.copy(path, root / "train" / path.parent.name / path.name)
        with pytest.raises(RejectedData) as caught:
            opened(root, tmp_path)
        assert min(stems)[:3] in str(caught.value).replace(str(tmp_path), "")
    plant_weak(clean)
    assert len(opened(clean, tmp_path)) == 4 + 4


@pytest.fixture
def scans(tmp_path):
    """Returns a folder of 16-bit images with values from 1000 to 3000."""
    for split in ("train", "validation"):
        for k in range(2):
            ramp = np.linspace(1000, 3000, 48 * 64).reshape(48, 64)
            save(tmp_path / split, f"{k}", (ramp + k).astype(np.uint16), blocks(k))
    return tmp_path


@pytest.mark.parametrize(
    ("bounds", "black", "white"),
    [(None, 4, 12), ((1000.0, 3000.0), 0, 255), ((0.0, 4000.0), 64, 191)],
)
def test_pictures_show_the_range_of_the_options(scans, bounds, black, white):
    """Values v have the gray level 255 (v - low) / (high - low)."""
    found = check_data(DataConfig("folder", raw_dir=str(scans), range=bounds))
    assert [f.kind for f in found.findings if "range" in f.kind] == (
        ["narrow_range"] if bounds is None else []
    )
    picture = found.samples["train"][0][1].image
    assert picture.dtype == np.uint8 and picture.shape == (48, 64, 3)
    assert abs(int(picture.min()) - black) <= 1 and abs(int(picture.max()) - white) <= 1


def test_pictures_show_percentiles_of_the_training_split(scans):
    save(scans / "validation", "bright", np.full((48, 64), 60000, np.uint16), blocks(3))
    data = DataConfig("folder", raw_dir=str(scans), range="percentiles")
    picture = check_data(data).samples["train"][0][1].image
    assert picture.min() == 0 and picture.max() == 255
    assert 120 < picture.mean() < 135  # The values are evenly distributed.


def test_void_of_16_bits_is_drawn_and_255_is_a_class(tmp_path):
    root = tmp_path / "raw"
    for seed, split in enumerate(("train", "val")):
        mask = np.arange(300).repeat(10).reshape(50, 60).astype(np.uint16)
        mask[:, 30:] = 65535
        save(root / split, split, photo(seed, mask.shape), mask)
    save(root / "train", "ground", photo(2), np.zeros((48, 64), np.uint16))
    only = np.zeros((48, 64), np.uint16)
    only[:9] = 255
    save(root / "train", "object", photo(3), only)
    save(root / "val", "object", photo(4), only)
    (root / "classes.txt").write_text("\n".join(f"c{k}" for k in range(300)))
    status, result = check(root, tmp_path)
    assert status == 0 and result["errors"] == 0
    train = result["splits"]["train"]
    assert train["classes"][255]["pixels"] == 9 * 64
    assert train["void"] == pytest.approx(50 * 30 / (50 * 60 + 2 * 48 * 64))
    assert (tmp_path / "out/index.html").is_file()
