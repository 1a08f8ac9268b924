"""Lists the checkpoints of other libraries that can be imported."""
