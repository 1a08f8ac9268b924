"""Any folder of images and index masks.

Class names come from the configuration, else from `classes.txt` in the folder, else
from the label map, else they are counted in the masks. `jaxseg.data.mask_rules` states
which mask values are taken as labels.
"""

from __future__ import annotations

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.layouts import folder_pairs

DATASET = Dataset(
    name="folder",
    title="Your own folder of images and index masks.",
    layout=folder_pairs,
    files=(
        "SPLIT/images and SPLIT/masks for each split, or images and masks with lists "
        "such as train.txt and val.txt beside them. Images and masks are matched by "
        "their names without suffix."
    ),
    notes=(
        "Masks have one channel, whose values are class numbers; 255 is void. The "
        "option data.labels states other values."
    ),
)
