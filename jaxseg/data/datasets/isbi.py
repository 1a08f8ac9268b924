"""Describes the electron-microscopy slices of the ISBI 2012 challenge."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import MissingFiles, Pair, match_folders, require_folder
from jaxseg.data.parts import Page
from jaxseg.data.reader import count_pages
from jaxseg.data.spec import DatasetSpec

STACKS = ("train-volume.tif", "train-labels.tif")


def slice_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the image slices of the ISBI 2012 challenge with their masks.

    The slices are pages of the two official TIFF stacks, or numbered files in two
    folders. The last fifth of the slices is the split `validation`; the other slices
    are the split `train`.

    Args:
      root: The folder of `train-volume.tif` and `train-labels.tif`, or of the folders
        `image` and `label`.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If files are missing, stacks and folders are both present, the name of
        a slice is not a number, or the two stacks differ in length.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    stacks = [root / name for name in STACKS]
    if not any(path.is_file() for path in stacks):
        pairs = _numbered_pairs(root)
    elif (root / "image").is_dir():
        raise ValueError(
            f"{root} contains both {STACKS[0]} and the folder image: expected only "
            "one of them, because they are two formats of the same data. Move one of "
            "them to another folder."
        )
    else:
        pairs = _pages(*stacks)
    first = len(pairs) - len(pairs) // 5
    return {"train": pairs[:first], "validation": pairs[first:]}


def _pages(images: pathlib.Path, masks: pathlib.Path) -> list[Pair]:
    """Returns the slices of two stacks, which are named by their numbers from 0."""
    for path in (images, masks):
        if not path.is_file():
            raise MissingFiles(
                f"{path} does not exist: expected a TIFF with all slices. Download it."
            )
    counts = count_pages(images), count_pages(masks)
    if counts[0] != counts[1]:
        raise ValueError(
            f"{images} has {counts[0]} slices and {masks.name} has {counts[1]}: "
            "expected equal numbers. Download the files again."
        )
    return [Pair(str(n), Page(images, n), Page(masks, n)) for n in range(counts[0])]


def _numbered_pairs(root: pathlib.Path) -> list[Pair]:
    """Returns the pairs of `root/image/N.png` and `root/label/N.png`, sorted by N."""
    for name in ("image", "label"):
        require_folder(root / name)
    pairs = match_folders(root / "image", root / "label")
    wrong = [pair.name for pair in pairs if not pair.name.isdecimal()]
    if wrong:
        raise ValueError(
            f"{root} contains slices with invalid names {wrong[:5]}: expected numbers. "
            "Rename these files."
        )
    return sorted(pairs, key=lambda pair: int(pair.name))


DATASET = Dataset(
    name="isbi",
    title="ISBI 2012: membranes in 512x512 electron-microscopy slices.",
    spec=DatasetSpec(
        "isbi",
        ("membrane", "cell"),
        ((32, 32, 96), (240, 220, 130)),
        mean=(0.49, 0.49, 0.49),  # Measured on the training slices.
        std=(0.17, 0.17, 0.17),
    ),
    layout=slice_pairs,
    labels=LabelMap(((0, 0), (255, 1))),
    counts={"train": 24, "validation": 6},
    files=(
        "The files are train-volume.tif and train-labels.tif of the challenge, or "
        "image/N.png and label/N.png, as in zhixuhao/unet."
    ),
    page="https://github.com/zhixuhao/unet",
    citation="""@article{arganda2015crowdsourcing,
  title={Crowdsourcing the creation of image segmentation algorithms for connectomics},
  author={Arganda-Carreras, Ignacio and Turaga, Srinivas C and Berger, Daniel R
    and others},
  journal={Frontiers in Neuroanatomy},
  volume={9},
  pages={142},
  year={2015}
}""",
    notes=(
        "The last fifth of the slices is the validation split. The slices are "
        "consecutive parts of one volume, so validation slices resemble the last "
        "training slices. No pixel is void."
    ),
)
