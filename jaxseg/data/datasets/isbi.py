"""Electron-microscopy slices of the ISBI 2012 challenge: membrane and cell."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.spec import DatasetSpec


def numbered_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Splits of `root/image/N.png` with `root/label/N.png`, N in numerical order.

    The last fifth of the slices is `validation`, the others are `train`.

    Raises:
      ValueError: If a folder is missing, or a name is not a number.
    """
    del lists  # this layout has none
    for name in ("image", "label"):
        require_folder(root / name)
    pairs = match_folders(root / "image", root / "label")
    wrong = [pair.name for pair in pairs if not pair.name.isdecimal()]
    if wrong:
        raise ValueError(
            f"{root}: expected numbers as names of the slices, found {wrong[:5]}. "
            "Rename these files."
        )
    pairs.sort(key=lambda pair: int(pair.name))
    first = len(pairs) - len(pairs) // 5
    return {"train": pairs[:first], "validation": pairs[first:]}


DATASET = Dataset(
    name="isbi",
    title="ISBI 2012: membranes in 512x512 electron-microscopy slices.",
    spec=DatasetSpec(
        "isbi",
        ("membrane", "cell"),
        ((32, 32, 96), (240, 220, 130)),
        mean=(0.49, 0.49, 0.49),  # of the training slices
        std=(0.17, 0.17, 0.17),
    ),
    layout=numbered_pairs,
    labels=LabelMap(((0, 0), (255, 1))),
    counts={"train": 24, "validation": 6},
    files="image/N.png and label/N.png, the form of the repository zhixuhao/unet.",
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
        "The last fifth of the slices in numerical order is validation. The slices "
        "follow each other in one volume, so that validation slices resemble the last "
        "training slices. There is no void."
    ),
)
