"""Describes a folder of the user's images and of masks that contain class indices.

The class names are taken from the first of these sources that exists: `data.classes`,
the file `classes.txt` in the folder, and the label map `data.labels`. If none of them
exists, the masks determine the classes. `jaxseg.data.mask_rules` describes which mask
values are accepted as labels.
"""

from __future__ import annotations

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.stacks import folder_slices

DATASET = Dataset(
    name="folder",
    title="Reads your own folder of images and index masks.",
    layout=folder_slices,
    files=(
        "Each split has the folders SPLIT/images and SPLIT/masks. Alternatively there "
        "are the folders images and masks and lists such as train.txt and val.txt. "
        "Images and masks are matched by their names without suffix. Volumes (NIfTI) "
        "and TIFF files of several pages are divided into slices if image and mask "
        "have the same number of them."
    ),
    notes=(
        "Masks have one channel that contains class numbers, and 255 for void. The "
        "option data.labels maps other values to classes."
    ),
)
