"""Checks the files of a dataset, draws augmented examples, and finds wrong masks."""
