"""Converts a traced JAX program to the nodes of an ONNX graph."""
