"""Implements `jaxseg plan`, which predicts memory and time, even on absent devices."""
