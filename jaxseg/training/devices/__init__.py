"""Connects processes, and compiles and runs training steps on several devices."""
