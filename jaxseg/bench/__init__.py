"""Implements `jaxseg bench`, which times operators and networks against PyTorch."""
