"""Analyzes compiled XLA programs: collectives, memory traffic and roofline times."""
