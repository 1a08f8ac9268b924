"""Heads map the feature maps of a backbone to logits, which are not yet resized."""
