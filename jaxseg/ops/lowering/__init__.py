"""Equivalent formulations of operators that XLA compiles to faster programs."""
