"""Checks the raw files of a dataset, draws augmented examples, and ranks its masks."""
