"""Operators on feature maps, logits and images, as pure functions on arrays."""
