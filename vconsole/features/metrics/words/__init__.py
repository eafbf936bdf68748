"""What is said about metrics."""
