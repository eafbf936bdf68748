"""Screens of metrics."""
