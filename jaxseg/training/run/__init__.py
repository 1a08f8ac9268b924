"""Implements the training loop and its records."""
