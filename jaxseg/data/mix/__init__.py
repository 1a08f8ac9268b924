"""Combines several datasets, whose classes can differ, to train one network."""
