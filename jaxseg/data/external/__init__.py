"""Reads any dataset of tensorflow_datasets without copying its prepared data.

The option `data.name` is tfds:NAME/CONFIG:VERSION, or tfds:PATH with the folder of a
prepared dataset. The options `data.image` and `data.label` name the features that
contain the image and the mask. If an option is
not set, its feature is inferred, which works if only one feature is possible.
"""
