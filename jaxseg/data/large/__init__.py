"""Reads and writes images that are too large for memory, in boxes and rows."""
