"""Trains on several datasets together, whose classes differ."""
