"""Combines several datasets with different classes for training."""
