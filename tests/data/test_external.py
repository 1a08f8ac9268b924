"""Tests that a builder of tensorflow_datasets by another author can be read by name."""

import dataclasses
import itertools
import json
import pathlib
import textwrap

import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxseg.config import DataConfig
from jaxseg.data import eval_batches, open_source, train_batches
from jaxseg.data.external.features import Roles, choose_features
from jaxseg.data.external.module import load_module
from tests.data.test_tf_backend import needs_tensorflow

FARM = '''
"""Aerial pictures of plots of land; it does not know jaxseg."""

import io

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    file.seek(0)
    return file


def scene(number, gray):
    rng = np.random.default_rng(number)
    plots = rng.integers(1, 4, (12 + number, 20)).astype(np.uint8)
    photo = rng.integers(0, 256, (*plots.shape, 3)).astype(np.uint8)
    return photo[..., :1] if gray else photo, plots


class FarmPlots(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("2.1.0")
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name) for name in ("color", "gray")
    ]

    def _info(self):
        gray = self.builder_config.name == "gray"
        kinds = tfds.features
        crops = {
            "byte": kinds.Image(shape=(None, None, 1)),
            "word": kinds.Image(shape=(None, None, 1), dtype=np.uint16),
            "whole": kinds.Tensor(
                shape=(None, None), dtype=np.int32, encoding="zlib"
            ),
            "named": kinds.LabeledImage(
                labels=["nothing", "rye", "oats", "hedge"], shape=(None, None, 1)
            ),
        }
        features = {
            "photo": kinds.Image(shape=(None, None, 1 if gray else 3)),
            "owner": kinds.ClassLabel(names=["a", "b"]),
            "fences": kinds.Sequence(kinds.BBoxFeature()),
            "plots": crops["named"] if gray else crops,
        }
        return tfds.core.DatasetInfo(
            builder=self, features=kinds.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"spring": self._examples(0, 6), "autumn": self._examples(6, 9)}

    def _generate_examples(self):
        raise NotImplementedError

    def _examples(self, start, stop):
        gray = self.builder_config.name == "gray"
        for number in range(start, stop):
            photo, plots = scene(number, gray)
            masks = {
                "byte": png(plots),
                "word": png(plots.astype(np.uint16)),
                "whole": plots.astype(np.int32),
                "named": png(plots),
            }
            yield number, {
                "photo": png(photo[..., 0] if gray else photo),
                "owner": 0,
                "fences": [],
                "plots": masks["named"] if gray else masks,
            }


class Licensed(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Sign the form at https://example.org
    and put `plots.zip` there.
    """

    def _info(self):
        return tfds.core.DatasetInfo(builder=self)

    def _split_generators(self, dl_manager):
        dl_manager.extract(dl_manager.manual_dir / "plots.zip")

    def _generate_examples(self):
        raise NotImplementedError
'''
LABELS = ((1, 0), (2, 1), (3, "void"))


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    """A file of builders, and a folder of prepared data that the tests share."""
    root = tmp_path_factory.mktemp("farm")
    (root / "plots_of_others.py").write_text(textwrap.dedent(FARM))
    return root


@pytest.fixture
def config(farm):
    """The configuration of the first of these builders."""
    return DataConfig(
        "tfds:farm_plots",
        module=str(farm / "plots_of_others.py"),
        image="photo",
        label="plots/byte",
        labels=LABELS,
        prepared_dir=str(farm / "data"),
        train_split="spring",
        eval_split="autumn",
        crop=(8, 8),
    )


@pytest.fixture
def scene(config):
    """The function that draws an example, by its number."""
    return load_module(config.module).scene


def number_of(example):
    """The number of the scene, which its height shows."""
    return example["image"].shape[0] - 12


def folder_of(config):
    return pathlib.Path(config.prepared_dir) / "tfds/farm_plots/color/2.1.0"


@pytest.mark.parametrize("kind", ["byte", "word", "whole", "named"])
def test_pixels_and_mapped_labels(config, scene, kind):
    config = dataclasses.replace(config, label=f"plots/{kind}")
    source = open_source(config, "spring")
    table = np.array([9, 0, 1, 255])
    found = [source[index] for index in range(len(source))]
    assert sorted(map(number_of, found)) == [0, 1, 2, 3, 4, 5]
    for example in found:
        photo, plots = scene(number_of(example), False)
        np.testing.assert_array_equal(example["image"], photo)
        np.testing.assert_array_equal(example["label"], table[plots])
        assert example["label"].dtype == np.uint8
    assert [len(open_source(config, one)) for one in ("autumn", "spring[:2]")] == [3, 2]
    spec = source.spec
    assert spec.name == "tfds:farm_plots/color:2.1.0" and spec.labels == LABELS
    names = ("rye", "oats") if kind == "named" else ("class_0", "class_1")
    assert spec.classes == names
    what = dict(spec.source)
    assert what.pop("records") and what == {
        "builder": "farm_plots/color:2.1.0",
        "image": "photo",
        "label": f"plots/{kind}",
    }


def test_gray_images_and_names_of_the_feature(config, scene):
    config = dataclasses.replace(
        config, name="tfds:farm_plots/gray", image=None, label=None, labels=()
    )
    source = open_source(config, "autumn")
    assert source.spec.classes == ("nothing", "rye", "oats", "hedge")
    assert dict(source.spec.source)["label"] == "plots"
    photo, plots = scene(number_of(source[0]), True)
    np.testing.assert_array_equal(source[0]["image"], np.tile(photo, 3))
    np.testing.assert_array_equal(source[0]["label"], plots)
    joined = dataclasses.replace(config, labels=((1, 0), (2, 1), (3, 1)))
    assert open_source(joined, "autumn").spec.classes == ("rye", "oats+hedge")
    given = dataclasses.replace(joined, classes=("a", "b"))
    assert open_source(given, "autumn").spec.classes == ("a", "b")


@pytest.mark.slow
@needs_tensorflow
def test_files_of_both_formats_give_the_same_batches(config, tmp_path):
    load_module(config.module)
    builder = tfds.builder(
        "farm_plots", data_dir=tmp_path / "tf", file_format="tfrecord"
    )
    builder.download_and_prepare()
    named = dataclasses.replace(config, name=f"tfds:{builder.data_dir}", module=None)
    with pytest.raises(
        ValueError, match=r"data\.backend='grain' .*tfrecord files.* --data\.backend tf"
    ):
        open_source(named, "spring")
    other = dataclasses.replace(named, backend="tf")
    stored = dataclasses.replace(config, backend="tf")  # reads ArrayRecord
    specs = [open_source(c, "spring").spec for c in (config, other, stored)]
    assert specs[0] == specs[1] == specs[2]  # The format of the files is no part of it.
    for split, batches in {
        "spring": lambda s: train_batches(s, config, seed=3, batch_size=4),
        "autumn": lambda s: eval_batches(s, batch_size=2),
    }.items():
        streams = [batches(open_source(c, split)) for c in (config, other, stored)]
        for ours, *theirs in itertools.islice(zip(*streams, strict=False), 4):
            for one in theirs:
                np.testing.assert_array_equal(ours["label"], one["label"])
                np.testing.assert_array_equal(ours["index"], one["index"])
                difference = np.abs(ours["image"].astype(int) - one["image"])
                assert difference.max() <= 2 and difference.mean() < 0.3  # rounding


def test_a_folder_that_cannot_be_written_stays_as_it_is(config, tmp_path):
    open_source(config, "spring")
    folder = folder_of(config)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}
    folder.chmod(0o555)
    try:
        named = dataclasses.replace(
            config,
            name=f"tfds:{folder}",
            module=None,
            prepared_dir=str(tmp_path / "other"),
        )
        ours, theirs = (open_source(c, "spring") for c in (config, named))
        assert ours.spec == theirs.spec
        np.testing.assert_array_equal(ours[2]["label"], theirs[2]["label"])
    finally:
        folder.chmod(0o755)
    assert before == {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()
    }


def test_counted_values_are_kept(config, tmp_path):
    open_source(config, "autumn")
    config = dataclasses.replace(
        config,
        name=f"tfds:{folder_of(config)}",
        module=None,
        prepared_dir=str(tmp_path),
    )
    open_source(config, "autumn")
    (file,) = (tmp_path / "tfds/counts").iterdir()
    kept = json.loads(file.read_bytes())
    assert [value for value, _ in kept["pixels"]] == [1, 2, 3]
    kept["pixels"][2][0] = kept["first"][2][0] = 7
    file.write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="the mask value 7 is not in the label map"):
        open_source(config, "autumn")
    file.write_text("{")
    assert len(open_source(config, "autumn")) == 3


WRONG = [
    ({"label": "plots/bite"}, r"data\.label='plots/bite' .*such as 'plots/byte'"),
    ({"image": "owner"}, r"data\.image='owner' .*expected an Image .*found ClassLabel"),
    ({"label": "fences"}, r"data\.label='fences' is invalid: expected a LabeledImage"),
    (
        {"label": None},
        r"data\.label=None is invalid: expected one of the features plots/byte, "
        r"plots/named, plots/whole, plots/word, .*Pass --data\.label NAME",
    ),
    ({"image": "plots/byte"}, r"data\.label='plots/byte' .*a different feature from"),
    ({"name": "tfds:farm_plot"}, r"data\.name=.*such as 'farm_plots'"),
    (
        {"name": "tfds:farm_plots/colour"},
        r"expected a configuration of dataset 'farm_plots'\. This dataset has",
    ),
    ({"name": "tfds:farm_plots/color:9.0.0"}, r"at version 9\.0\.0, only: 2\.1\.0"),
    ({"name": "tfds:farm plots"}, r"data\.name='tfds:farm plots' .*tfds:NAME/CONFIG"),
    ({"name": "tfds:./none"}, r"but dataset_info\.json is missing"),
    ({"name": "folder"}, r"data\.module='.*' is invalid: expected none"),
    ({"module": "no_such_plots"}, r"data\.module='no_such_plots' is invalid"),
    ({"module": "./no_such.py"}, r"data\.module='\./no_such\.py' .*a file that exists"),
    ({"raw_dir": "here"}, r"data\.raw_dir='here' .*needs no files"),
    ({"variant": ("x",)}, r"data\.variant=\('x',\) is invalid"),
    (
        {"labels": ((1, 0), (2, 1))},
        r"split 'spring', example \d: the mask value 3 is n",
    ),
    (
        {"labels": ()},
        r"example \d: the mask value 1 leaves a gap: .*class names with --data\.classes\.$",
    ),
    ({"classes": ("a", "b"), "labels": ()}, r"mask value 2 is not the label of a clas"),
    ({"classes": ("a",)}, r"data\.labels=.* expected the classes 0 to 0"),
    ({"max_pixels": 100}, r"more than data\.max_pixels=100"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[str(w) for w, _ in WRONG])
def test_errors_name_the_option(config, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        open_source(dataclasses.replace(config, **changes), "spring")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_manual_downloads_name_files_and_folder(config, tmp_path):
    config = dataclasses.replace(config, name="tfds:licensed", label=None)
    folder = pathlib.Path(config.prepared_dir) / "tfds/downloads/manual"
    with pytest.raises(ValueError) as caught:
        open_source(config, "spring")
    assert str(caught.value) == (
        "data.name='tfds:licensed' needs files that you download yourself: expected "
        f"them in {folder} (or in --data.raw-dir). The dataset says: Sign the form at "
        "https://example.org and put `plots.zip` there."
    )
    (tmp_path / "other.zip").touch()
    own = dataclasses.replace(config, raw_dir=str(tmp_path))
    with pytest.raises(ValueError, match=f"expected them in {tmp_path}"):
        open_source(own, "spring")


def test_errors_of_the_module_name_the_option(config, tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("raise ValueError('no plots')\n")
    with pytest.raises(ValueError, match=r"data\.module=.* raises ValueError: no plo"):
        open_source(dataclasses.replace(config, module=str(file)), "spring")
    file = tmp_path / "unfinished.py"
    file.write_text(
        "import tensorflow_datasets as tfds\n"
        "class UnfinishedScenes(tfds.core.GeneratorBasedBuilder):\n"
        "    VERSION = tfds.core.Version('1.0.0')\n"
    )
    named = dataclasses.replace(config, name="tfds:unfinished_scenes", module=str(file))
    with pytest.raises(ValueError, match=r"_scenes' is invalid: Can't instantiate abs"):
        open_source(named, "spring")


def test_only_one_image_and_one_mask_are_inferred():
    kinds = tfds.features
    color, gray = kinds.Image(), kinds.Image(shape=(None, None, 1))
    boxes = kinds.Tensor(shape=(None, 4), dtype=np.int32)

    def chosen(**features):
        named = kinds.FeaturesDict(features)
        return choose_features(named, image=None, label=None)

    assert chosen(a=color, b={"c": gray}, d=boxes) == Roles("a", "b/c")
    named = kinds.LabeledImage(labels=3, shape=(None, None, 1))
    assert chosen(a=gray, b=named) == Roles("a", "b")
    for features in ({"a": gray, "b": gray}, {"a": color, "b": color, "c": gray}):
        with pytest.raises(ValueError, match=r"data\.image=None .* features a, b,"):
            chosen(**features)
    with pytest.raises(ValueError, match=r"data\.label=None .*found a: Image"):
        chosen(a=color, d=boxes)
    wide = kinds.Image(shape=(None, None, 3), dtype=np.uint16)
    assert chosen(a=wide, b=named) == Roles("a", "b")
    with pytest.raises(ValueError, match=r"data\.image=None is invalid: .* uint8 with"):
        chosen(a=boxes, b=named)
