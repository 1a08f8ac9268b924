"""Defines heads, which compute logits from the feature maps of a backbone.

The model resizes the logits to the size of the image.
"""
