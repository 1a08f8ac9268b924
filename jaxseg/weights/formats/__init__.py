"""Safe readers and writers of checkpoint files."""
