"""Meshes, processes and the runners that bind a step to devices."""
