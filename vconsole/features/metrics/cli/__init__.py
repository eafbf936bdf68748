"""Metrics without the screen."""
