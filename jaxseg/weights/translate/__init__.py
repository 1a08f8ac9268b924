"""Translates the parameter names and array layouts of other libraries' weights."""
