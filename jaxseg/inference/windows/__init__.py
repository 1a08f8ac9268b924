"""Segments large images window by window and combines the outputs of the windows."""
