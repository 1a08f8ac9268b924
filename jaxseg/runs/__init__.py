"""Reads, checks and writes run directories and their configurations."""
