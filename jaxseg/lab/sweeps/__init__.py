"""Trains many configurations with many seeds, and compares their scores."""
