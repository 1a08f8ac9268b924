"""Finds which part of each array in a program is needed for a part of the output.

This makes it possible to compute a network's output for a large image tile by tile.
"""
