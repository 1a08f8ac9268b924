"""Compares the tables of published datasets with those of other packages."""

import ast
import importlib.util
import pathlib

import pytest

from jaxseg.config import DataConfig
from jaxseg.data.datasets import DATASETS, potsdam, vaihingen
from jaxseg.data.datasets.lookup import dataset_of

TABLES = (  # A dataset, its variant and the class of MMSegmentation.
    ("cityscapes", "", "cityscapes.CityscapesDataset"),
    ("voc2012", "", "voc.PascalVOCDataset"),
    ("ade20k", "", "ade.ADE20KDataset"),
    ("coco_stuff", "", "coco_stuff.COCOStuffDataset"),
    ("pascal_context", "", "pascal_context.PascalContextDataset59"),
    ("mapillary", "v1.2", "mapillary.MapillaryDataset_v1"),
    ("mapillary", "v2.0-unlabeled", "mapillary.MapillaryDataset_v2"),
)


def mmsegmentation(path):
    """Returns the folder of MMSegmentation, which is not imported."""
    found = importlib.util.find_spec("mmseg")
    if found is None:
        pytest.skip("MMSegmentation is not installed")
    return pathlib.Path(found.submodule_search_locations[0]) / path


def table_of(theirs):
    """Returns the names and the colors of a class of MMSegmentation."""
    module, wanted = theirs.split(".")
    tree = ast.parse(mmsegmentation(f"datasets/{module}.py").read_text())
    (kind,) = (n for n in tree.body if getattr(n, "name", "") == wanted)
    call = next(n.value for n in kind.body if isinstance(n, ast.Assign))
    table = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    classes = tuple(name.strip() for name in table["classes"])
    return classes, tuple(map(tuple, table["palette"]))


@pytest.mark.parametrize(("name", "variant", "theirs"), TABLES)
def test_classes_are_those_of_mmsegmentation(name, variant, theirs):
    classes, palette = table_of(theirs)
    spec = dataset_of(DataConfig(name, variant=(variant,) if variant else ())).spec
    count = 65 if variant == "v1.2" else None  # Theirs has the class Unlabeled.
    assert spec.classes == classes[:count]
    assert spec.palette == palette[:count]


RENAMED = (  # Datasets whose classes MMSegmentation writes in another way.
    ("loveda", "loveda.LoveDADataset", {"agricultural": "agriculture"}),
    ("isaid", "isaid.iSAIDDataset", {}),
    ("potsdam", "potsdam.PotsdamDataset", {}),
    ("vaihingen", "isprs.ISPRSDataset", {}),
    ("drive", "drive.DRIVEDataset", {}),
    ("chase_db1", "chase_db1.ChaseDB1Dataset", {}),
    ("stare", "stare.STAREDataset", {}),
    ("hrf", "hrf.HRFDataset", {}),
)


@pytest.mark.parametrize(("name", "theirs", "renamed"), RENAMED)
def test_order_is_that_of_mmsegmentation(name, theirs, renamed):
    classes, palette = table_of(theirs)
    plain = [one.lower().replace("_", " ") for one in classes]
    spec = DATASETS[name].spec
    assert [renamed.get(one, one) for one in plain] == list(spec.classes)
    if spec.num_classes > 2:  # Their color of vessels is of no dataset.
        assert spec.palette == palette


def listed(converter, *, keys):
    """Returns the lists of a converter, which are values of the given keys."""
    file = mmsegmentation(f".mim/tools/dataset_converters/{converter}.py")
    found = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Dict) and node.keys:
            table = dict(zip(map(ast.unparse, node.keys), node.values, strict=True))
            if set(table) == {repr(key) for key in keys}:
                found = {key: ast.literal_eval(table[repr(key)]) for key in keys}
    return found


def test_tiles_are_split_as_in_mmsegmentation():
    tiles = listed("potsdam", keys=("train", "val"))
    assert sorted(tiles["train"]) == sorted(potsdam.SPLITS["train"])
    assert sorted(tiles["val"]) == sorted(potsdam.SPLITS["validation"])
    areas = listed("vaihingen", keys=("train", "val"))
    ours = {split: [f"area{n}" for n in ns] for split, ns in vaihingen.SPLITS.items()}
    assert sorted(areas["train"]) == sorted(ours["train"])
    assert sorted(areas["val"]) == sorted(ours["validation"])


@pytest.mark.parametrize(
    ("converter", "variant", "void"),
    [("coco_stuff164k", "164k", 255), ("coco_stuff10k", "10k-v1.1", 0)],
)
def test_coco_stuff_has_the_values_of_mmsegmentation(converter, variant, void):
    file = mmsegmentation(f".mim/tools/dataset_converters/{converter}.py")
    tables = {
        node.targets[0].id: node.value
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Assign)
    }
    theirs = ast.literal_eval(tables["clsID_to_trID"])
    shift = 1 if variant == "10k-v1.1" else 0  # Their labels start at 1, after void.
    expected = {v: k - shift for v, k in theirs.items() if v != void}
    labels = dict(DATASETS["coco_stuff"].choose((variant,)).labels.pairs)
    assert labels == {**expected, void: 255}


def test_breeds_have_the_order_of_tensorflow_datasets():
    found = importlib.util.find_spec("tensorflow_datasets")
    folder = pathlib.Path(found.submodule_search_locations[0])
    file = folder / "datasets/oxford_iiit_pet/oxford_iiit_pet_dataset_builder.py"
    tree = ast.parse(file.read_text()).body
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree
        if isinstance(node, ast.Assign) and node.targets[0].id == "_LABEL_CLASSES"
    )
    ours = DATASETS["oxford_pet"].choose(("breeds",)).spec.classes[1:]
    assert [name.lower() for name in ours] == [name.lower() for name in names]


def test_cityscapes_has_the_official_ids():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels")
    record = DATASETS["cityscapes"]
    official = {one.id: one.trainId for one in labels.labels if one.id >= 0}
    assert dict(record.labels.pairs) == official
    for k, name in enumerate(record.spec.classes):
        one = labels.trainId2label[k]
        assert (one.name, one.color) == (name, record.spec.palette[k])
        assert one.id == record.raw_values()[k]
    assert DATASETS["kitti"].labels == record.labels
