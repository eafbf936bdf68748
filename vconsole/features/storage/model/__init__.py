"""What storage is about, as pure values and functions."""
