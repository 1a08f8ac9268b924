"""Formulations of operators that exist for a compiler's sake."""
