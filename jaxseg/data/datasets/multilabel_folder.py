"""Describes a folder of the user's images and masks, whose classes can overlap."""

from __future__ import annotations

from jaxseg.data.class_folders import class_folder_pairs
from jaxseg.data.datasets.record import Dataset

DATASET = Dataset(
    name="multilabel_folder",
    title="Reads your own folder of images with one mask for each class.",
    layout=class_folder_pairs,
    multilabel=True,
    files=(
        "Each split has the folders SPLIT/images and SPLIT/masks/CLASS, one for each "
        "class. Alternatively there are the folders images and masks/CLASS and lists "
        "such as train.txt and val.txt. Images and masks are matched by their names "
        "without suffix. A folder valid next to masks is optional."
    ),
    notes=(
        "Classes can overlap. Each mask contains 0 and 1, or 0 and 255. A file in the "
        "folder valid is 0 at pixels to ignore. The file classes.txt or the "
        "option data.classes sets the order of the classes. The network needs "
        "model.output=sigmoid."
    ),
)
