"""Implements `jaxseg plan`, which predicts the memory and time of training steps."""
