"""Feature maps whose rows and columns are sharded over devices."""
