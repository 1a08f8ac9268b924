"""Examines the installation for `jaxseg doctor`, and lists versions."""
