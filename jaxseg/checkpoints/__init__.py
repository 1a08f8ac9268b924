"""Reads and writes the checkpoints of training runs."""
