"""What pins is about, as pure values and functions."""
