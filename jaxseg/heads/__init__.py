"""Heads map a pyramid to logits at the pyramid's resolution."""
