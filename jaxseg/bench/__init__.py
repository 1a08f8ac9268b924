"""Compares the speed of operators and networks with PyTorch, for `jaxseg bench`."""
