"""Builders for tensorflow_datasets; importing this registers them by name."""

from jaxseg.data.builders import camvid, folder, isbi, raters, rooms, shapes

__all__ = ["camvid", "folder", "isbi", "raters", "rooms", "shapes"]
