"""Screens of files."""
