"""Screens of lifecycle."""
