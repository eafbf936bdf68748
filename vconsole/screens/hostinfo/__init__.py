"""Screens of hostinfo."""
