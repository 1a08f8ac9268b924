"""Examines the installation for `jaxseg doctor`."""
