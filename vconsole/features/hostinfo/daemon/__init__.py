"""The daemon of hostinfo."""
