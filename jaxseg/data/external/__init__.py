"""Reads the datasets of any builder of tensorflow_datasets without copying them.

The user names the dataset by `data.name=tfds:NAME/CONFIG:VERSION`, or gives the folder
of a prepared dataset. The features that hold the image and the mask are named by
`data.image` and `data.label`, or inferred where only one choice is possible.
"""
