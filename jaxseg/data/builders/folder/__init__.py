"""Contains the tfds builder of `folder`."""

from jaxseg.data.builders.folder.folder_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
