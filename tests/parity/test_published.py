"""Published weights: the library's network has the tensors that an entry expects."""

import importlib

import pytest

from jaxseg.weights.published import table

# A dozen entries of all libraries, with different import tables and small networks.
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
    "mmseg/segformer_mit-b0_8xb2-160k_ade20k-512x512",
    "torchvision/densenet121.imagenet1k_v1",
)
LIBRARIES = {"torchvision": (), "timm": (None,), "smp-hub": (), "mmseg": ()}


def rows(library, only):
    """Returns the rows of a library, with the network that has their tensors."""
    module = f"experiments.published.{library.removesuffix('-hub')}_rows"
    take = importlib.import_module(module).rows
    arguments = LIBRARIES[library]
    found = take(*arguments, only) if library in ("timm", "mmseg") else take()
    return [row for row in found if only is None or row.entry.name in only]


def assert_fits(row):
    """Asserts that the entry has the facts of the library, and takes its tensors."""
    check = importlib.import_module("experiments.published.check").check
    entry = table.find(row.entry.name)
    for field in ("url", "license", "mean", "std", "num_classes", "classes", "sha256"):
        assert getattr(entry, field) == getattr(row.entry, field)
    assert check(entry, row.tree()) > 10


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_fits_the_network_of_its_library(peers, name):
    (row,) = rows(name.partition("/")[0], {name})
    assert_fits(row)


@pytest.mark.sweep
@pytest.mark.parametrize("library", LIBRARIES)
def test_all_entries_fit(peers, library):
    known = {name for name in table.entries() if name.startswith(f"{library}/")}
    found = [row for row in rows(library, known) if row.entry.name in known]
    assert {row.entry.name for row in found} == known
    for row in found:
        assert_fits(row)
