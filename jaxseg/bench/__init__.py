"""Benchmark of operators and networks against PyTorch, for `jaxseg bench`."""
