"""Computes scores of an evaluation that need more than its confusion matrix."""
