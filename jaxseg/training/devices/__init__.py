"""Meshes, processes and the runners that execute a step on devices."""
