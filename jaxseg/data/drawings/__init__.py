"""Images and point clouds that are drawn, not read, for tests and first runs."""
