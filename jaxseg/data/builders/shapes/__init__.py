"""Contains the tfds builder of `shapes`."""

from jaxseg.data.builders.shapes.shapes_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
