"""Adapts functions and networks of other libraries to functions of images."""
