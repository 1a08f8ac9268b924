"""Builds optimizers and learning-rate schedules."""
