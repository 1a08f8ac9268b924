"""Averages predictions and measures their uncertainty.

`jaxseg.inference` lists the public names.
"""
