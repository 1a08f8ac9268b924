"""Ranks the masks of a dataset by how probably they are wrong."""
