"""Implements `jaxseg compare`: a PyTorch checkpoint and its import in jaxseg."""
