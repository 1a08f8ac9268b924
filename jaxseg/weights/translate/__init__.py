"""Rules that turn one library's parameters into another's."""
