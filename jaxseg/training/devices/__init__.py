"""Implements meshes, the joining of processes, and the running of steps on devices."""
