"""Keeps run directories in buckets: a local copy is trained in and uploaded."""
