"""What is said about hostinfo."""
