"""Trains the rows of published tables at a reduced size and compares differences."""
