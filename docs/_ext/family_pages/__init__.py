"""Writes the generated parts of the pages in docs/families from the code."""
