"""Describes LIDC-IDRI: lung nodules that four radiologists outlined."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import list_folder, visible_entries
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import first_folder
from jaxseg.data.layouts import Pair, require_folder
from jaxseg.data.spec import DatasetSpec, generated_palette

RATERS = 4  # Four radiologists labeled each scan of LIDC-IDRI.
SPLITS = {"train": "train", "val": "validation", "test": "test"}


def crop_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs each image with the masks of its four raters.

    An image is a crop of a CT slice that shows a lung nodule. It gives four pairs. The
    pair with the mask of rater N is called NAME_rN.

    Args:
      root: The folder that contains train, val and test, or lidc_crops_train,
        lidc_crops_val and lidc_crops_test.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, or `root` contains a pickle file.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    entries = visible_entries(root)
    pickles = [p for p in entries if p.suffix.lower() in (".pickle", ".pkl")]
    if pickles:
        raise ValueError(
            f"{pickles[0]} is a pickle file, and reading a pickle file can run any "
            "program: expected PNG files. Download the PNG files that `jaxseg data "
            "where lidc` names, and move the pickle file to another folder."
        )
    splits = {}
    for part, split in SPLITS.items():
        folder = first_folder(root, part, f"lidc_crops_{part}/{part}")
        splits[split] = list(_crops(folder))
    return splits


def _crops(folder: pathlib.Path) -> Iterator[Pair]:
    """Yields the pairs of a split. A missing mask is None and is reported."""
    images, masks = folder / "images", folder / "gt"
    require_folder(images)
    require_folder(masks)
    for patient in visible_entries(images):
        if not patient.is_dir():
            continue
        known = {}
        if (masks / patient.name).is_dir():
            found = list_folder(masks / patient.name).images
            known = {path.stem: path for path in found}
        for image in list_folder(patient).images:
            for rater in range(RATERS):
                name = f"{patient.name}_{image.stem}_r{rater}"
                yield Pair(name, image, known.get(f"{image.stem}_l{rater}"))


DATASET = Dataset(
    name="lidc",
    title="LIDC-IDRI: 180x180 crops of lung nodules, outlined by four radiologists.",
    spec=DatasetSpec("lidc", ("background", "lesion"), generated_palette(2)),
    layout=crop_pairs,
    labels=LabelMap(((0, 0), (255, 1))),
    counts={"train": 4 * 8843, "validation": 4 * 1993, "test": 4 * 1980},
    files=(
        "The files are train/images/PATIENT/z-105.0_c0.png and "
        "train/gt/PATIENT/z-105.0_c0_l0.png to l3.png, and likewise in val and test, "
        "from lidc_crops of the bucket hpunet-data."
    ),
    page=(
        "https://github.com/google-deepmind/deepmind-research/tree/master/"
        "hierarchical_probabilistic_unet"
    ),
    license="CC BY 3.0, as LIDC-IDRI of The Cancer Imaging Archive.",
    citation="""@article{armato2011lung,
  title={The lung image database consortium ({LIDC}) and image database resource
    initiative ({IDRI})},
  author={Armato III, Samuel G and McLennan, Geoffrey and Bidaut, Luc and others},
  journal={Medical Physics},
  volume={38},
  number={2},
  pages={915--931},
  year={2011}
}""",
    notes=(
        "An example is a crop with the mask of one rater, such as "
        "LIDC-IDRI-0001_z-105.0_c0_r2. Training draws raters at random, and evaluation "
        "finds the raters of a crop by its name. The crops on the page are fewer than "
        "in the paper (arXiv 1905.13077): 8,843, 1,993 and 1,980 against 8,882, 1,996 "
        "and 1,992. Another circulating form of the data is a pickle with 128x128 "
        "crops and without splits, which is not read."
    ),
)
