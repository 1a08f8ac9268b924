"""Implements the training step: state, loss, gradient and update."""
