"""Draws the help of the commands from their dataclasses of options."""
