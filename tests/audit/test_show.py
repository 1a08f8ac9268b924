"""`data show` writes the pixels of the training batch and what was drawn."""

import functools
import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from jaxseg.config import DataConfig
from jaxseg.data import open_source, train_batches
from jaxseg.training.step.augment import prepare_train
from jaxseg.viz import overlay
from tests.audit.conftest import SIZE


@pytest.fixture
def shown(clean, tmp_path):
    """The folder of shown examples 6 to 9, and the batch of step 3 that holds them."""
    out, config = (
        tmp_path / "out",
        DataConfig(
            "folder",
            raw_dir=str(clean),
            prepared_dir=str(tmp_path / "prepared"),
            crop=(32, 40),
            color_jitter=0.4,
            elastic=2.0,
            scale_range=(0.5, 2.0),
            augment=("rotate(degrees=20)", "hue(probability=0.5)", "cut_mix"),
        ),
    )
    words = f"""data show {clean} -o {out} --count 4 --first 12 --seed 5
        --data.prepared-dir {config.prepared_dir} --data.crop 32 40
        --data.color-jitter 0.4 --data.elastic 2 --data.scale-range 0.5 2
        --data.augment rotate(degrees=20) hue(probability=0.5) cut_mix"""
    assert main(words.split()) == 0
    source = open_source(config, "train")
    stream = train_batches(source, config, seed=5, batch_size=4, start_step=3)
    return out, source, next(stream)


def test_shown_pixels_are_those_of_the_training_batch(shown):
    out, source, batch = shown
    spec = source.spec
    prepare = functools.partial(
        prepare_train, mean=spec.mean, std=spec.std, flip=True, color_jitter=0.4
    )
    ready = jax.tree.map(np.asarray, jax.jit(prepare)(batch))
    drawn = json.loads((out / "examples.json").read_text())
    assert [row["position"] for row in drawn] == [12, 13, 14, 15]
    for k, row in enumerate(drawn):
        assert row["name"] == source[int(batch["index"][k])]["id"]
        network = ready["image"][k] * np.array(spec.std) + np.array(spec.mean)
        pixels = np.asarray(Image.open(out / f"{12 + k:06d}_image.png"))
        np.testing.assert_array_equal(pixels, np.round(255 * network))
        over = np.asarray(Image.open(out / f"{12 + k:06d}_overlay.png"))
        expected = overlay(pixels, ready["label"][k], spec.palette)
        np.testing.assert_array_equal(over, expected)


def test_the_drawn_parameters_explain_the_pixels(shown):
    out, _, batch = shown
    drawn = json.loads((out / "examples.json").read_text())
    mirrored, hues = [], []
    for k, row in enumerate(drawn):
        image = batch["image"][k].astype(np.float64) / 255
        image = image[:, ::-1] if row["mirrored"] else image
        mirrored.append(row["mirrored"])
        image = np.clip(row["brightness"] * image, 0, 1)
        luma = np.array([0.299, 0.587, 0.114])
        share = row["contrast"]
        image = np.clip(share * image + (1 - share) * (image @ luma).mean(), 0, 1)
        gray, share = (image @ luma)[..., None], row["saturation"]
        image = np.clip(share * image + (1 - share) * gray, 0, 1)
        pixels = np.asarray(Image.open(out / f"{12 + k:06d}_image.png")).astype(int)
        assert np.abs(pixels - 255 * image).max() <= 1
        for scale, scaled, side in zip(
            row["scale"], row["scaled_size"], SIZE, strict=True
        ):
            assert scale == scaled / side and 0.49 < scale < 2.01
        assert np.abs(row["elastic_nodes"]).max() > 0
        entries = {each["entry"]: each for each in row["augment"]}
        assert {"rotate", "cut_mix"} <= set(entries) <= {"rotate", "cut_mix", "hue"}
        assert 0 < abs(entries["rotate"]["degrees"]) <= 20
        hues += [entries["hue"]["degrees"]] if "hue" in entries else []
    assert set(mirrored) == {True, False}
    assert 0 < len(hues) < 4
    sheet = Image.open(out / "sheet.png")
    assert sheet.width > 2 * 512 and sheet.height >= 4 * 13 * 32  # Enlarged 13 times.


def test_entries_that_do_not_fit_the_data_are_refused(clean, tmp_path, capsys):
    words = f"""data show {clean} -o {tmp_path}/out --data.crop 32 40
        --data.prepared-dir {tmp_path}/prepared --data.augment"""
    for entry, message in (
        ("rotate90", "expected a square data.crop"),
        ("crop_around(classes=dragon)", "classes='dragon' in the entry crop_around"),
    ):
        assert main([*words.split(), entry]) == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
