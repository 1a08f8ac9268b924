"""Translates names and layouts of foreign weights."""
