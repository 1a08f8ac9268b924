"""Reads and writes weight files without executing anything in them."""
