"""Implements the command `jaxseg`, with one module for each sub-command."""
