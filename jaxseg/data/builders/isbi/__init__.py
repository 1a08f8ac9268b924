"""Contains the tfds builder of `isbi`."""

from jaxseg.data.builders.isbi.isbi_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
