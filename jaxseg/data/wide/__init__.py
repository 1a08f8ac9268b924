"""Opens files that Pillow does not read, or reads only in part."""
