"""Builders for tensorflow_datasets; importing this registers them by name."""

from jaxseg.data.builders import camvid, folder, shapes

__all__ = ["camvid", "folder", "shapes"]
