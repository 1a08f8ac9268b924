"""Implements the training loop and the writing of its metrics."""
