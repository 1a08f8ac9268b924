"""Translates parameter names and array layouts between jaxseg and other libraries."""
