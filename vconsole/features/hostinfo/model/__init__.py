"""What hostinfo is about, as pure values and functions."""
