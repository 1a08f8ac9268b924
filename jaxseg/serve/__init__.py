"""Implements `jaxseg serve`, an HTTP service that segments images with a run."""
