"""Screens of storage."""
