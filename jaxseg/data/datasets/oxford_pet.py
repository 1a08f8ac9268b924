"""Describes Oxford-IIIT Pet: cats and dogs of 37 breeds."""

from __future__ import annotations

import pathlib

import numpy as np

from jaxseg.data.datasets.compact import names_of
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import files_by_name, first_folder, pairs_of_list
from jaxseg.data.layouts import Pair
from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.data.spec import VOID, DatasetSpec, generated_palette

PET, BACKGROUND, BORDER = 1, 2, 3  # The values in the masks.
BREEDS = names_of(  # In the order of the class numbers in annotations/list.txt.
    "Abyssinian, american_bulldog, american_pit_bull_terrier, basset_hound, beagle, "
    "Bengal, Birman, Bombay, boxer, British_Shorthair, chihuahua, Egyptian_Mau, "
    "english_cocker_spaniel, english_setter, german_shorthaired, great_pyrenees, "
    "havanese, japanese_chin, keeshond, leonberger, Maine_Coon, miniature_pinscher, "
    "newfoundland, Persian, pomeranian, pug, Ragdoll, Russian_Blue, saint_bernard, "
    "samoyed, scottish_terrier, shiba_inu, Siamese, Sphynx, "
    "staffordshire_bull_terrier, wheaten_terrier, yorkshire_terrier"
)
PAIR = DatasetSpec("oxford_pet", ("background", "pet"), generated_palette(2))


def pet_pairs(root: pathlib.Path, lists: tuple[str, ...] = ()) -> dict[str, list[Pair]]:
    """Pairs the images and masks that `annotations/{trainval,test}.txt` list.

    Args:
      root: The folder that contains images and annotations.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    del lists  # The lists are published.
    images = files_by_name(first_folder(root, "images"))
    annotations = first_folder(root, "annotations")
    masks = files_by_name(first_folder(annotations, "trimaps"))
    return {
        split: pairs_of_list(annotations / f"{name}.txt", images, masks)
        for split, name in (("train", "trainval"), ("test", "test"))
    }


def read_breed(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads an Oxford-IIIT Pet mask, and labels the animal with its breed.

    The name of the file states the breed. This function is the value of
    `Dataset.read_values` for this dataset.

    Args:
      path: The mask, such as `Abyssinian_1.png`.
      options: The options of the image reader.

    Returns:
      0 for the background, 1 to 37 for the breed and 255 for the border, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read, has other values, or names no breed.
    """
    mask, breed = read_pixels(path, options, mask=True), path.stem.rpartition("_")[0]
    if breed not in BREEDS:
        raise ValueError(
            f"{shown(path)}: the breed {shown(breed)!r} is unknown: expected names "
            "such as Abyssinian_1.png. Remove or rename the file."
        )
    meaning = {PET: BREEDS.index(breed) + 1, BACKGROUND: 0, BORDER: VOID}
    if wrong := sorted(set(np.unique(mask).tolist()) - set(meaning)):
        raise ValueError(
            f"{shown(path)}: the mask value {wrong[0]} is invalid: expected 1 for the "
            "pet, 2 for the background and 3 for the border. Download it again."
        )
    values = np.zeros(BORDER + 1, np.int32)
    for value, label in meaning.items():
        values[value] = label
    return values[mask]


DATASET = Dataset(
    name="oxford_pet",
    title="Oxford-IIIT Pet: photographs of cats and dogs of 37 breeds.",
    spec=DatasetSpec(
        "oxford_pet", ("pet", "background", "border"), generated_palette(3)
    ),
    layout=pet_pairs,
    labels=LabelMap(((PET, 0), (BACKGROUND, 1), (BORDER, 2))),
    counts={"train": 3680, "test": 3669},
    options=(
        Option(
            "class list",
            (
                Choice("trimap", "the classes pet, background and border"),
                Choice(
                    "binary",
                    "the classes background and pet; the border is ignored",
                    {
                        "spec": PAIR,
                        "labels": LabelMap(((PET, 1), (BACKGROUND, 0), (BORDER, VOID))),
                    },
                ),
                Choice(
                    "binary-with-border",
                    "the classes background and pet; the border belongs to the pet, as "
                    "in segmentation_models_pytorch",
                    {
                        "spec": PAIR,
                        "labels": LabelMap(((PET, 1), (BACKGROUND, 0), (BORDER, 1))),
                    },
                ),
                Choice(
                    "breeds",
                    "background and the 37 breeds; the border is ignored",
                    {
                        "spec": DatasetSpec(
                            "oxford_pet", ("background", *BREEDS), generated_palette(38)
                        ),
                        "labels": LabelMap(
                            (*((k, k) for k in range(38)), (VOID, VOID))
                        ),
                        "read_values": read_breed,
                    },
                ),
            ),
        ),
    ),
    files=(
        "The images are images/*.jpg, the masks are annotations/trimaps/*.png and the "
        "lists are annotations/{trainval,test}.txt, from images.tar.gz and "
        "annotations.tar.gz."
    ),
    page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
    license="CC BY-SA 4.0.",
    citation="""@inproceedings{parkhi2012cats,
  title={Cats and Dogs},
  author={Parkhi, Omkar M. and Vedaldi, Andrea and Zisserman, Andrew and
    Jawahar, C. V.},
  booktitle={CVPR},
  year={2012}
}""",
    notes=(
        "There is no validation split: pass --data.eval-split test, or split the "
        "training split, as in --data.train-split 'train[:90%]' "
        "--data.eval-split 'train[90%:]'. Some images are damaged or PNG files with "
        "the suffix .jpg; --data.on-bad-file skip leaves out those that cannot be read."
    ),
)
