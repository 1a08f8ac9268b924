"""Formulates operators in equivalent ways that XLA compiles to faster programs."""
