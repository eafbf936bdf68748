"""Files of others, read and written with care."""
