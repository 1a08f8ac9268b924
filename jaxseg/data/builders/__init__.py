"""Contains the tensorflow_datasets builders.

Importing this package registers them by name.
"""

from jaxseg.data.builders import camvid, folder, isbi, raters, rooms, shapes

__all__ = ["camvid", "folder", "isbi", "raters", "rooms", "shapes"]
