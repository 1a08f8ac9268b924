"""Writes files and folders that are either complete or absent."""
