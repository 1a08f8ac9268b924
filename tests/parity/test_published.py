"""Published weights: the library's network has the tensors that an entry expects."""

import importlib

import pytest

from jaxseg.weights.published import table

# Entries of four libraries, with different import tables and small networks.
NAMES = (
    "torchvision/resnet18.imagenet1k_v1",
    "torchvision/mobilenet_v3_small.imagenet1k_v1",
    "torchvision/googlenet.imagenet1k_v1",
    "torchvision/lraspp_mobilenet_v3_large.coco_with_voc_labels_v1",
    "timm/resnet18d.ra2_in1k",
    "timm/tf_mobilenetv3_small_100.in1k",
    "timm/deit_tiny_distilled_patch16_224.fb_in1k",
    "smp-hub/resnet18.swsl",
    "smp-hub/mit_b0.imagenet",
    "mmseg/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024",
    "timm/swin_tiny_patch4_window7_224.ms_in1k",
    "smp-hub/efficientnet-b0.advprop",
    "torchvision/densenet121.imagenet1k_v1",
)
LIBRARIES = {  # Library: module of experiments/published.
    "torchvision": "torchvision_rows",
    "timm": "timm_rows",
    "segmentation_models_pytorch": "smp_rows",
    "mmsegmentation": "mmseg_rows",
    "transformers": "transformers_rows",
}


def rows(library, only):
    """Returns the rows of a library, with the network that has their tensors."""
    module = importlib.import_module(f"experiments.published.{LIBRARIES[library]}")
    arguments = {"timm": (None, only), "mmsegmentation": (only,)}.get(library, ())
    return [row for row in module.rows(*arguments) if row.entry.name in only]


def assert_fits(row, known):
    """Asserts that the entry has the facts of the library, and takes its tensors.

    Args:
      row: The row.
      known: Descriptions of networks whose tensors were checked before.
    """
    check = importlib.import_module("experiments.published.check").check
    entry = table.find(row.entry.name)
    for field in ("url", "license", "mean", "std", "num_classes", "classes", "sha256"):
        assert getattr(entry, field) == getattr(row.entry, field)
    if not row.model or row.model not in known:
        assert check(entry, row.tree()) > 10
        known.add(row.model)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_fits_the_network_of_its_library(peers, name):
    (row,) = rows(table.find(name).library, {name})
    assert_fits(row, set())


@pytest.mark.sweep
@pytest.mark.parametrize("library", LIBRARIES)
def test_all_entries_fit(peers, library):
    if library == "transformers":
        assert peers.transformers
    wanted = {n for n, entry in table.entries().items() if entry.library == library}
    found, known = rows(library, wanted), set()
    assert {row.entry.name for row in found} == wanted
    for row in found:
        assert_fits(row, known)
