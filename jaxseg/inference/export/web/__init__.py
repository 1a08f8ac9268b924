"""Writes a static web page that segments images in the browser."""
