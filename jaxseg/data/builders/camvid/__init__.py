"""Contains the tfds builder of `camvid`."""

from jaxseg.data.builders.camvid.camvid_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
