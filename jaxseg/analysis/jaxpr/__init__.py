"""Analyzes traced programs: receptive fields, arithmetic and memory."""
