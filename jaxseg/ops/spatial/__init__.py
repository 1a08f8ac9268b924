"""Runs operators on feature maps whose rows and columns are sharded over devices."""
