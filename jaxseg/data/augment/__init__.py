"""Applies a list of random augmentations to training examples on the host.

`data.augment` lists the entries in order, as texts such as
`rotate(degrees=10, probability=0.5)`. docs/augmentation.md has all entries.
"""
