"""Contains the tfds builder of `raters`."""

from jaxseg.data.builders.raters.raters_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
