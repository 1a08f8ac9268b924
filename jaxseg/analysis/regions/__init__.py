"""Finds which part of each array in a program is needed for a part of its output.

With it, the output of a network for a large image is computed tile by tile.
"""
