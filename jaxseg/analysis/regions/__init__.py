"""Finds which part of each array of a traced program a part of the output needs."""
