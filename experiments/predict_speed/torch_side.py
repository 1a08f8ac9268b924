"""Segments a folder of images with a network of torchvision, as PyTorch users do it.

A `DataLoader` decodes and normalizes the images in other processes, the network runs in
`inference_mode` with the memory format channels_last, and each argmax is written as an
indexed PNG.

    python experiments/predict_speed/torch_side.py weights NETWORK FILE IMAGES
    python experiments/predict_speed/torch_side.py predict NETWORK FILE IMAGES OUT BATCH

The first form writes random weights. The statistics of the batch normalizations are
those of eight images, so that the activations have the usual size.
"""

import os
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

from jaxseg.bench.pytorch import torchvision
from jaxseg.viz import colormap

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORKERS = 2  # The number of processes that read images.


class Images(torch.utils.data.Dataset):
    """Reads and normalizes the images of a folder."""

    def __init__(self, folder):
        self.paths = sorted(pathlib.Path(folder).iterdir())

    def __len__(self):
        """Returns the number of images."""
        return len(self.paths)

    def __getitem__(self, index):
        """Returns a normalized image [3, H, W] and its name."""
        with Image.open(self.paths[index]) as file:
            pixels = torch.from_numpy(np.array(file.convert("RGB")))
        image = pixels.permute(2, 0, 1).float() / 255
        mean, std = torch.tensor(MEAN), torch.tensor(STD)
        return (image - mean[:, None, None]) / std[:, None, None], self.paths[
            index
        ].stem


def build(network: str, weights: dict | None = None):
    """Returns a segmentation network of torchvision in evaluation mode.

    Args:
      network: Its name in torchvision.
      weights: Its state dictionary, or None for random weights.
    """
    maker = getattr(torchvision().models.segmentation, network)
    model = maker(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    if weights is not None:
        model.load_state_dict(weights)
    return model.eval()


def write_weights(network: str, target: str, folder: str) -> None:
    """Writes random weights with measured statistics as a state dictionary."""
    torch.manual_seed(0)
    model = build(network)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # An average over the batches.
            module.reset_running_stats()
            module.train()
    images = Images(folder)
    with torch.no_grad():
        model(torch.stack([images[i][0] for i in range(8)]))
    torch.save(model.state_dict(), target)


def predict(network: str, weights: str, folder: str, out: str, batch: str) -> None:
    """Segments the images of a folder and writes their labels."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = build(network, torch.load(weights))
    model = model.to(memory_format=torch.channels_last)
    palette = np.zeros((256, 3), np.uint8)
    palette[:21] = colormap(21)
    target = pathlib.Path(out)
    target.mkdir(parents=True, exist_ok=True)
    loader = torch.utils.data.DataLoader(
        Images(folder), batch_size=int(batch), num_workers=WORKERS
    )
    with torch.inference_mode():
        for images, names in loader:
            images = images.contiguous(memory_format=torch.channels_last)
            labels = model(images)["out"].argmax(1).to(torch.uint8).numpy()
            for label, name in zip(labels, names, strict=True):
                picture = Image.fromarray(label, mode="L")
                picture.putpalette(palette.tobytes())
                picture.save(target / f"{name}.png")


if __name__ == "__main__":
    {"weights": write_weights, "predict": predict}[sys.argv[1]](*sys.argv[2:])
