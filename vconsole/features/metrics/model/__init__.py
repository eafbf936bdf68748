"""What metrics is about, as pure values and functions."""
