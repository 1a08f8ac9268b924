"""Generates images and point clouds for tests and first runs."""
