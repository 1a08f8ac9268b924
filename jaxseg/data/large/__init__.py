"""Reads and writes images that are too large for memory, part by part."""
