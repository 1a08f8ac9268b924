"""Exports networks to files that other runtimes execute."""
