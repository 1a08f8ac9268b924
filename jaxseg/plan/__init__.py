"""Implements `jaxseg plan`, which compiles programs for devices that are absent."""
