"""Screens of domains."""
