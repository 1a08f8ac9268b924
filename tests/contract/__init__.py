"""What every network must be and do."""
