"""A file in /etc, edited as a draft."""
