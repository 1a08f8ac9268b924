"""Describes COCO-Stuff with 171 classes, in its three releases."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from jaxseg.data.datasets.compact import colors_of, names_of
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import (
    MATLAB,
    files_by_name,
    first_folder,
    pairs_of_list,
)
from jaxseg.data.layouts import Pair, match_folders
from jaxseg.data.mask_arrays import read_hdf5, read_matlab
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import VOID, DatasetSpec

UNUSED = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)  # Of the values 0 to 181.
USED = tuple(value for value in range(182) if value not in UNUSED)
CLASSES = names_of(
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic "
    "light, fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, "
    "sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, "
    "suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball "
    "glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, "
    "knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, "
    "pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, "
    "laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, "
    "refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush, "
    "banner, blanket, branch, bridge, building-other, bush, cabinet, cage, cardboard, "
    "carpet, ceiling-other, ceiling-tile, cloth, clothes, clouds, counter, cupboard, "
    "curtain, desk-stuff, dirt, door-stuff, fence, floor-marble, floor-other, "
    "floor-stone, floor-tile, floor-wood, flower, fog, food-other, fruit, "
    "furniture-other, grass, gravel, ground-other, hill, house, leaves, light, mat, "
    "metal, mirror-stuff, moss, mountain, mud, napkin, net, paper, pavement, pillow, "
    "plant-other, plastic, platform, playingfield, railing, railroad, river, road, "
    "rock, roof, rug, salad, sand, sea, shelf, sky-other, skyscraper, snow, "
    "solid-other, stairs, stone, straw, structural-other, table, tent, textile-other, "
    "towel, tree, vegetable, wall-brick, wall-concrete, wall-other, wall-panel, "
    "wall-stone, wall-tile, wall-wood, water-other, waterdrops, window-blind, "
    "window-other, wood"
)
CONVERTED = "_labelTrainIds"  # MMSegmentation adds files of such names to the folders.
# The colors of MMSegmentation. Some classes share a color.
PALETTE = colors_of(
    "00c040 00c040 004060 80c0c0 004040 00c0e0 00c0c0 80c040 00c060 80c040 8020c0 "
    "0000e0 000040 00a0c0 800060 8000c0 0020c0 8080e0 0000c0 80a0c0 808000 800020 "
    "802000 800080 408020 00a000 000000 c080a0 002000 008080 4080a0 80a000 008000 "
    "c08020 806080 000080 400020 00e080 800000 c000a0 006080 808080 4000a0 80e080 "
    "808040 c00020 806000 8000c0 008020 40e000 000040 8080a0 406000 0080c0 0080a0 "
    "c0e000 008040 808020 c02080 0040c0 000020 40a080 804040 8000a0 402080 80c0c0 "
    "0000a0 c0a080 80c000 800060 c02000 804080 408060 40a000 004000 c080e0 402000 "
    "00c080 4080e0 c0a000 00c000 c08060 c06080 004080 400060 40e080 804000 c000e0 "
    "406080 80c080 4000e0 c0e080 80c040 c00060 c06000 8040c0 008060 00e000 404040 "
    "8080e0 006000 40c0c0 0080e0 80e000 40c040 808060 802080 4000c0 004060 00a080 "
    "c00040 8040e0 002080 c080c0 0040e0 80a080 c08000 804020 802040 c00080 40c020 "
    "00a040 400000 c0c0a0 002040 408080 40c0a0 80a040 408000 c0c020 8060c0 400080 "
    "404020 00e0c0 c00000 c040a0 0060c0 c08080 4040a0 80e0c0 c08040 c04020 806040 "
    "c000c0 00c020 40e040 400040 80c0a0 406040 4080c0 00c0a0 c0e040 408040 80c020 "
    "c020c0 4040c0 004020 40a0c0 c04040 8040a0 4020c0 c0c0c0 0040a0 c0a0c0 c0c000 "
    "804060 c02040 c04080 40c060 40a040 404000"
)


def coco_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs COCO images in `images/SPLIT2017` with masks in `annotations/SPLIT2017`.

    Args:
      root: The folder that contains these folders.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # This layout has no lists.
    splits = {}
    for split, folder in (("train", "train2017"), ("validation", "val2017")):
        images = first_folder(root, f"images/{folder}")
        pairs = match_folders(images, first_folder(root, f"annotations/{folder}"))
        splits[split] = [pair for pair in pairs if not pair.name.endswith(CONVERTED)]
    return splits


def listed_coco_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the COCO images and masks that `imageLists/{train,test}.txt` list.

    Args:
      root: The folder that contains images, annotations and imageLists.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    del lists  # The lists are published.
    images = files_by_name(first_folder(root, "images"))
    masks = files_by_name(first_folder(root, "annotations"), MATLAB)
    members = first_folder(root, "imageLists")
    return {
        split: pairs_of_list(members / f"{split}.txt", images, masks)
        for split in ("train", "test")
    }


def read_second(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a MATLAB mask of COCO-Stuff 1.1.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: The MATLAB file.
      options: Ignored, because the file is not an image file.

    Returns:
      The class numbers of COCO-Stuff 1.1, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read.
    """
    del options  # The file is not an image.
    return read_matlab(path, "S")


def read_first(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a MATLAB mask of COCO-Stuff 1.0.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: The MATLAB file.
      options: Ignored, because the file is not an image file.

    Returns:
      The class numbers of COCO-Stuff 1.0, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read.
    """
    del options  # The file is not an image.
    return read_hdf5(path, "S")


def ten_thousand(release: str, changes: dict[str, Any]) -> Choice:
    """Returns the variant of the dataset for one release of COCO-Stuff 10K.

    The variant is a `Choice`, which lists the fields of the `Dataset` that it changes.

    Args:
      release: The number of the release, such as "1.1".
      changes: A dictionary from names of fields of `Dataset` to the values that are
        specific to this release.
    """
    return Choice(
        f"10k-v{release}",
        f"the release {release} with 10,000 images and the splits train and test",
        {
            "layout": listed_coco_pairs,
            "counts": {"train": 9000, "test": 1000},
            "files": (
                "The images are images/COCO_train2014_*.jpg, the masks are "
                "annotations/COCO_train2014_*.mat and the lists are imageLists/"
                f"{{train,test}}.txt, from cocostuff-10k-v{release}.zip."
            ),
            "page": "https://github.com/nightrome/cocostuff10k",
            **changes,
        },
    )


DATASET = Dataset(
    name="coco_stuff",
    title="COCO-Stuff: photographs with 80 classes of things and 91 of stuff.",
    spec=DatasetSpec("coco_stuff", CLASSES, PALETTE),
    layout=coco_pairs,
    labels=LabelMap((*((v, k) for k, v in enumerate(USED)), (VOID, VOID))),
    counts={"train": 118_287, "validation": 5000},
    options=(
        Option(
            "release",
            (
                Choice("164k", "PNG masks of COCO 2017 with the values 0 to 181"),
                ten_thousand(
                    "1.1",
                    {
                        "labels": LabelMap(
                            ((0, VOID), *((v + 1, k) for k, v in enumerate(USED)))
                        ),
                        "read_values": read_second,
                    },
                ),
                ten_thousand(
                    "1.0",
                    {
                        "labels": LabelMap(
                            ((1, VOID), *((k + 2, k) for k in range(len(CLASSES))))
                        ),
                        "read_values": read_first,
                    },
                ),
            ),
        ),
    ),
    files=(
        "The images are images/{train2017,val2017}/*.jpg, from train2017.zip and "
        "val2017.zip of COCO, and the masks are annotations/{train2017,val2017}/*.png, "
        "from stuffthingmaps_trainval2017.zip."
    ),
    page="https://github.com/nightrome/cocostuff",
    license="Annotations CC BY 4.0; images under the terms of use of Flickr.",
    citation="""@inproceedings{caesar2018coco,
  title={COCO-Stuff: Thing and Stuff Classes in Context},
  author={Caesar, Holger and Uijlings, Jasper and Ferrari, Vittorio},
  booktitle={CVPR},
  year={2018}
}""",
    notes=(
        "The three releases number the same 171 classes differently, and their scores "
        "are not comparable. The variants with 10,000 images have no validation split: "
        "pass --data.eval-split test. Release 1.0 needs h5py (pip install h5py)."
    ),
)
