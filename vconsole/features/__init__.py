"""A room for each thing a user would name."""
