"""Known libraries: their networks, key maps and peers."""
