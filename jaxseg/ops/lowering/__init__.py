"""Formulations of operators that exist because of the compiler."""
