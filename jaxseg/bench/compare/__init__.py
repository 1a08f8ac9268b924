"""Implements `jaxseg compare`, which checks the import of a PyTorch checkpoint.

The original network and its import in jaxseg segment the same images.
"""
