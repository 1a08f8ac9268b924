"""Implements the training step, from the loss and its gradient to the new state."""
