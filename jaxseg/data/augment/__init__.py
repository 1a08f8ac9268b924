"""Applies the random augmentations of the option `data.augment` to training examples.

The option is a list of texts such as `rotate(degrees=10, probability=0.5)`, which are
called entries and are applied in order, on the host. docs/guide/augmentation.md
describes all entries.
"""
