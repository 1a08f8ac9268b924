"""Writes an HTML page about one training run, or about several runs side by side."""
