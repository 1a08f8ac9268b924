"""Implements meshes of devices, the connection of processes, and steps on devices."""
