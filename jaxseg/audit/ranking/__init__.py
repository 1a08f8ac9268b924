"""Ranks the masks of a dataset by the probability that they contain an error."""
