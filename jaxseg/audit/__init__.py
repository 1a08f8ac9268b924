"""Checks the raw files of a dataset and shows augmented training examples."""
