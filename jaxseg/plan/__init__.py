"""Implements `jaxseg plan`, which predicts memory and time on absent devices."""
