"""The run directory as data: configuration, checks, lock, and pretrained start."""
