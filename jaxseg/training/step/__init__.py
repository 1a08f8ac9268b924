"""Implements the training step: it computes loss and gradient, and updates the state."""
