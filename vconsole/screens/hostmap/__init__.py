"""Screens of hostmap."""
