"""Implements the command line, with one file per sub-command."""
