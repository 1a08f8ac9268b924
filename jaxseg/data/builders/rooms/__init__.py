"""Contains the tfds builder of `rooms`."""

from jaxseg.data.builders.rooms.rooms_dataset_builder import Builder, config

__all__ = ["Builder", "config"]
