"""Contains one module with import tables for each kind of checkpoint."""
