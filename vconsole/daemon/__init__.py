"""What both daemons do to become one, and their log."""
