"""Defines the colors of classes as RGB arrays, uint8 [n, 3].

The PASCAL VOC colors follow the function `VOCcolormap` of the VOC devkit, which
distributes the bits of the class number over the three channels. The Cityscapes colors
are those of the 19 training classes (arXiv 1604.01685, `labels.py` of the Cityscapes
scripts).
"""

from __future__ import annotations

import colorsys

import numpy as np

VOC_VOID = (224, 224, 192)  # colormap(256)[255]

CITYSCAPES = np.array(
    [
        (128, 64, 128),  # road
        (244, 35, 232),  # sidewalk
        (70, 70, 70),  # building
        (102, 102, 156),  # wall
        (190, 153, 153),  # fence
        (153, 153, 153),  # pole
        (250, 170, 30),  # traffic light
        (220, 220, 0),  # traffic sign
        (107, 142, 35),  # vegetation
        (152, 251, 152),  # terrain
        (70, 130, 180),  # sky
        (220, 20, 60),  # person
        (255, 0, 0),  # rider
        (0, 0, 142),  # car
        (0, 0, 70),  # truck
        (0, 60, 100),  # bus
        (0, 80, 100),  # train
        (0, 0, 230),  # motorcycle
        (119, 11, 32),  # bicycle
    ],
    np.uint8,
)
CITYSCAPES.flags.writeable = False


def colormap(count: int = 256) -> np.ndarray:
    """Returns the first `count` PASCAL VOC colors, uint8 [count, 3].

    Bits 3j, 3j+1 and 3j+2 of the class number become bit 7-j of red, green and blue.

    >>> colormap(3).tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    """
    if not 1 <= count <= 256:
        raise ValueError(f"count={count} is invalid: expected between 1 and 256.")
    index = np.arange(count)
    colors = np.zeros((count, 3), np.uint8)
    for j in range(8):
        for channel in range(3):
            bit = (index >> (3 * j + channel)) & 1
            colors[:, channel] |= (bit << (7 - j)).astype(np.uint8)
    return colors


def distinct(count: int) -> np.ndarray:
    """Returns `count` distinct colors for classes that have none yet, uint8 [count, 3].

    Each hue is the previous one plus the golden ratio (modulo 1). Any number of such
    hues is spread roughly evenly over the color circle. Saturation and brightness
    change after every 8 colors.
    """
    if not 1 <= count <= 256:
        raise ValueError(f"count={count} is invalid: expected between 1 and 256.")
    colors = []
    for i in range(count):
        hue = (0.02 + i * 0.61803398875) % 1
        saturation = (0.85, 0.55, 0.95, 0.4)[i // 8 % 4]
        value = (0.95, 0.75, 0.55)[i // 8 % 3]
        rgb = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append([round(255 * channel) for channel in rgb])
    return np.array(colors, np.uint8)
