"""`data check` of masks of overlapping classes, with one folder of masks per class."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from tests.audit.conftest import photo, save

SIZE = (48, 64)
NAMES = ("cell", "nucleus")


@pytest.fixture
def overlapping(tmp_path):
    """Two training pairs and one validation pair: the folder, classes and valid."""
    root = tmp_path / "raw"
    present = np.zeros((3, 2, *SIZE), bool)
    known = np.ones((3, *SIZE), bool)
    for k in range(3):
        present[k, 0, : 24 + k] = present[k, 1, 8:40, 16 : 32 + 2 * k] = True
        known[k, :, 60 - k :] = False
    for k, split in enumerate(("train", "train", "validation")):
        save(root / split, str(k), photo(k))
        for name, mask in zip(NAMES, present[k], strict=True):
            save_mask(root / split / "masks" / name / f"{k}.png", mask)
        save_mask(root / split / "valid" / f"{k}.png", known[k])
    return root, present, known


def save_mask(path, mask):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def check(root, tmp_path, *more):
    out = tmp_path / "out"
    words = ["data", "check", str(root), "-o", str(out), *more]
    status = main([*words, "--data.name", "multilabel_folder"])
    return status, json.loads((out / "check.json").read_text())


def test_each_class_is_counted_and_drawn(overlapping, tmp_path, capsys):
    root, present, known = overlapping
    status, result = check(root, tmp_path)
    assert status == 0 and result["findings"] == []
    assert capsys.readouterr().out.splitlines()[-1] == (
        "OK: no fault was found in 3 pairs of 2 splits of multilabel_folder."
    )
    train = result["splits"]["train"]
    assert train["pairs"] == 2 and train["image_sizes"] == {"48x64": 2}
    inside = (present & known[:, None])[:2].sum((0, 2, 3))
    rows = train["classes"]
    assert [row["class"] for row in rows] == list(NAMES)
    assert [row["pixels"] for row in rows] == inside.tolist()
    assert [row["masks"] for row in rows] == [2, 2]
    shares = inside / known[:2].sum()
    np.testing.assert_allclose([row["frequency"] for row in rows], shares)
    weights = np.median(inside) / inside
    np.testing.assert_allclose([row["weight"] for row in rows], weights, rtol=1e-6)
    assert train["void"] == pytest.approx(1 - known[:2].mean())
    both = int((present.all(1) & known)[:2].sum())
    values = {row["meaning"]: row["pixels"] for row in train["mask_values"]}
    assert values["cell + nucleus"] == both and len(values) == 5
    assert values["void"] == (~known[:2]).sum()
    page = (tmp_path / "out/index.html").read_text()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(pictures[0]))) as picture:
        pixels = np.asarray(picture).astype(int)[4::8]
    nothing = ~known[0] | ~present[0].any(0)  # There the overlay is the image.
    change = np.abs(pixels[:, 516:] - pixels[:, :512])[:, 4::8].mean(-1)
    assert len(pictures) == 3
    assert change[~nothing].mean() > 2 * change[nothing].mean()


def test_faults_are_found_and_name_the_file(overlapping, tmp_path):
    root, _, _ = overlapping
    for k in range(3, 7):
        save(root / "train", str(k), photo(k))
        for name in NAMES:
            mask = np.eye(*SIZE) if k != 6 else np.zeros(SIZE)
            save_mask(root / "train/masks" / name / f"{k}.png", mask)
        save_mask(root / "train/valid" / f"{k}.png", np.ones(SIZE))
    (root / "train/masks/nucleus/3.png").unlink()
    (root / "train/images/4.png").unlink()
    for name in NAMES:
        save_mask(root / "train/masks" / name / "5.png", np.eye(20))
    save_mask(root / "train/valid/5.png", np.ones((20, 20)))
    save_mask(root / "validation/masks/nucleus/2.png", np.zeros(SIZE))
    status, result = check(root, tmp_path)
    assert status == 1
    found = {finding["kind"]: finding["message"] for finding in result["findings"]}
    assert "has no mask of the class 'nucleus'" in found["missing_mask"]
    assert "image '4' is missing" in found["missing_image"]
    assert "5.png is 20x20: expected the size 48x64" in found["size_mismatch"]
    assert "6.png is no class in all but 0 of" in found["nearly_empty_mask"]
    assert "split 'validation' has a pixel of nucleus" in found["absent_class"]
    assert len(found) == 5


def test_the_plain_folder_names_the_other_dataset(overlapping, tmp_path, capsys):
    root, _, _ = overlapping
    assert main(["data", "check", str(root), "-o", str(tmp_path / "out")]) == 1
    out = capsys.readouterr().out
    assert "masks contains only folders, such as cell: expected mask files" in out
    assert "pass --data.name multilabel_folder" in out
