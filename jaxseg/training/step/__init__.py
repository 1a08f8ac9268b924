"""The training step: state, loss, gradient, update."""
