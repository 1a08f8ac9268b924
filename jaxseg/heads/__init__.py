"""Pyramid -> logits at the pyramid's resolution."""
