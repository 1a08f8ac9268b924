"""Implements `jaxseg plan`, which predicts memory and time for devices you lack."""
