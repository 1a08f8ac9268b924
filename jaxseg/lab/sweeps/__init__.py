"""Trains several configurations, each with several seeds, and compares their scores."""
