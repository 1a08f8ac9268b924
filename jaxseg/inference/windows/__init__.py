"""Segments images by windows: grids, blending, accumulators and streaming."""
