"""Keeps run directories in buckets: a run writes to a local copy, which is uploaded."""
