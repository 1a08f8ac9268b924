"""Writes files and folders atomically: after a crash they are complete or absent."""
