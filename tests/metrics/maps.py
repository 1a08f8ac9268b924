"""Draws pairs of label maps with everything that scores must survive."""

import numpy as np
from scipy import ndimage

VOID = 255
SIZE = (26, 34)


def random_pairs(count, num_classes, *, size=SIZE, seed=0):
    """Pairs (prediction, label) of smooth random maps.

    Most labels have void pixels and lack a class; some have one class or are all void.
    """
    random = np.random.default_rng(seed)
    for number in range(count):
        maps = [smooth(random, num_classes, size) for _ in range(2)]
        same = ndimage.gaussian_filter(random.normal(size=size), 3) > -0.02
        prediction, label = maps[0], np.where(same, *maps)
        if number % 3 == 0:  # an absent class
            label[label == number % num_classes] = (number + 1) % num_classes
        if number % 10 == 1:
            label[:] = number % num_classes
        if number % 10 == 2:
            prediction = np.full(size, number % num_classes)
        if number % 4 != 3:
            label[ndimage.gaussian_filter(random.normal(size=size), 2) > 0.12] = VOID
        if number % 20 == 4:
            label[:] = VOID
        yield prediction.astype(np.uint8), label.astype(np.uint8)


def smooth(random, num_classes, size):
    """A map of regions of a few pixels."""
    noise = random.normal(size=(num_classes, *size))
    return ndimage.gaussian_filter(noise, (0, 2, 2)).argmax(0)
