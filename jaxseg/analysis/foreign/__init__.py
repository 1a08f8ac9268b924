"""Converts networks of other libraries into functions that take images."""
