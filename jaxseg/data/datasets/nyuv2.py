"""Describes NYUv2: indoor scenes with 40 or 13 classes."""

from __future__ import annotations

import pathlib

import numpy as np

from jaxseg.data.datasets import nyu_classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.files import shown
from jaxseg.data.layouts import MissingFiles, Pair, match_folders, require_folder
from jaxseg.data.mask_arrays import read_hdf5_page, read_matlab
from jaxseg.data.parts import File, Page
from jaxseg.data.reader import ReadOptions, read_pixels

ARRAYS, SPLITS, MAPPING = (
    "nyu_depth_v2_labeled.mat",
    "splits.mat",
    "classMapping40.mat",
)


def frame_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs NYUv2 images and masks from the MATLAB files or from folders of images.

    Args:
      root: The folder that contains the three official MATLAB files, or train and test.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a file is missing or damaged, or MATLAB files and folders are both
        present.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    folders = {"train": root / "train", "validation": root / "test"}
    if not (root / ARRAYS).is_file():
        for folder in folders.values():
            require_folder(folder / "rgb")
            require_folder(folder / "labels_40")
        return {
            split: match_folders(folder / "rgb", folder / "labels_40")
            for split, folder in folders.items()
        }
    if (root / "train").is_dir():
        raise ValueError(
            f"{root} contains both {ARRAYS} and the folder train: expected only one "
            "of them, because they are two formats of the same data. Move one of them "
            "to another folder."
        )
    for name in (SPLITS, MAPPING):
        if not (root / name).is_file():
            raise MissingFiles(
                f"{root / name} is missing: expected the MATLAB file. Download it."
            )
    names = {"train": "trainNdxs", "validation": "testNdxs"}
    return {split: _frames(root, name) for split, name in names.items()}


def _frames(root: pathlib.Path, name: str) -> list[Pair]:
    """Returns the frames whose numbers, from 1, are in a variable of `splits.mat`."""
    numbers = sorted(read_matlab(root / SPLITS, name).ravel().tolist())
    image, mapping = root / ARRAYS, (root / MAPPING,)
    return [
        Pair(f"{n:04d}", Page(image, n - 1), Page(image, n - 1, mapping))
        for n in numbers
    ]


def read_frame(page: Page) -> np.ndarray:
    """Reads one RGB image from the MATLAB file of NYUv2.

    This function is the value of `Dataset.read_page` for this dataset.

    Args:
      page: The MATLAB file and the number of the image in it.

    Returns:
      The image, uint8 [H, W, 3].

    Raises:
      ValueError: If the file cannot be read.
    """
    pixels = read_hdf5_page(page.path, "images", page.number)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            f"{page} is invalid: expected uint8 [H, W, 3], found {pixels.dtype} "
            f"{pixels.shape}. Download the file again."
        )
    return np.ascontiguousarray(pixels)


def read_classes(path: File, options: ReadOptions) -> np.ndarray:
    """Reads an NYUv2 mask with 40 classes.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: A mask file in the folder labels_40, or a `Page`. The page contains the path
        of the MATLAB file, the number of the mask in this file, and the path of the
        file that maps the 894 kinds of objects to classes.
      options: The options of the image reader.

    Returns:
      The class from 1 to 40, or 0 for void, integers [H, W].

    Raises:
      ValueError: If a file cannot be read, or an object is not in the mapping.
    """
    if not isinstance(path, Page):
        return read_pixels(path, options, mask=True)
    labels = read_hdf5_page(path.path, "labels", path.number)
    (mapping,) = path.others
    classes = np.append(0, read_matlab(mapping, "mapClass").ravel())
    if labels.max() >= len(classes):
        raise ValueError(
            f"{path}: the object label {labels.max()} is not in {shown(mapping)}: "
            f"expected at most {len(classes) - 1}. Download the files again."
        )
    return classes[labels]


DATASET = Dataset(
    name="nyuv2",
    title="NYUv2: 1449 frames of 480x640 pixels of rooms with 40 or 13 classes.",
    spec=nyu_classes.spec_of("nyuv2", nyu_classes.FORTY),
    layout=frame_pairs,
    labels=nyu_classes.from_one(len(nyu_classes.FORTY)),
    read_values=read_classes,
    read_page=read_frame,
    counts={"train": 795, "validation": 654},
    options=(
        Option(
            "classes",
            (
                Choice("40-classes", "the 40 classes of Gupta et al."),
                Choice(
                    "13-classes",
                    "the 13 classes that SceneNet RGB-D has too",
                    {
                        "spec": nyu_classes.spec_of("nyuv2", nyu_classes.THIRTEEN),
                        "labels": nyu_classes.merged(),
                    },
                ),
            ),
        ),
    ),
    files=(
        "The files are nyu_depth_v2_labeled.mat, splits.mat and classMapping40.mat, "
        "which need `pip install h5py`; or train/rgb/0003.png and "
        "train/labels_40/0003.png, and likewise in test."
    ),
    page="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
    citation="""@inproceedings{silberman2012indoor,
  title={Indoor segmentation and support inference from {RGBD} images},
  author={Silberman, Nathan and Hoiem, Derek and Kohli, Pushmeet and Fergus, Rob},
  booktitle={ECCV},
  pages={746--760},
  year={2012}
}""",
    notes=(
        "The validation split contains the 654 test frames. Depth is not read. Works "
        "differ in the classes (40, 13 or 4), and in whether the white border of the "
        "frames is cut off; here it is kept."
    ),
)
