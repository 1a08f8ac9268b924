"""Draws masks of rectangles, and probabilities as a good network would give them."""

import numpy as np
from scipy import ndimage

from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.prediction import Prediction

SIZE, CLASSES = (120, 160), 4
SPEC = DatasetSpec(
    "scenes",
    ("ground", "house", "tree", "car"),
    tuple((60 * k, 0, 0) for k in range(4)),
)


def scene(seed):
    """A mask with a house, a tree and a car on the ground, uint8 [H, W]."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SIZE, np.uint8)
    for label, left in ((1, 8), (2, 60), (3, 110)):
        top, x = rng.integers(10, 70), left + rng.integers(0, 10)
        mask[top : top + 36, x : x + 32] = label
    return mask


def probabilities(mask, seed, *, certainty=3.0):
    """Blurred and noisy probabilities of a mask, float32 [H, W, K]."""
    rng = np.random.default_rng(seed)
    logits = np.stack([mask == k for k in range(CLASSES)], -1) * certainty
    logits = ndimage.gaussian_filter(logits.astype(float), (2, 2, 0))
    noise = ndimage.gaussian_filter(rng.normal(size=(*mask.shape, CLASSES)), (4, 4, 0))
    logits += noise / noise.std() * 0.5
    logits -= logits.max(-1, keepdims=True)
    return (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(np.float32)


class Scenes:
    """Stands for a source of examples whose masks were given as arrays."""

    def __init__(self, masks):
        self.masks, self.spec = masks, SPEC
        self.ids = tuple(f"scene_{k:02d}" for k in range(len(masks)))

    def __len__(self):
        return len(self.masks)

    def __getitem__(self, index):
        image = np.full((*SIZE, 3), index, np.uint8)
        return {"image": image, "label": self.masks[index], "id": self.ids[index]}

    def label(self, index):
        return self.masks[index]


class Network:
    """Stands for a segmenter that knows the true masks by the color of the image."""

    def __init__(self, truth):
        self.truth = truth

    def predict(self, image):
        index = int(image[0, 0, 0])
        found = probabilities(self.truth[index], index)
        labels = found.argmax(-1).astype(np.int32)
        return Prediction(image, labels, SPEC, lambda: found)
