"""Draws the pictures and writes the table of the page docs/guide/upsampling.md."""
