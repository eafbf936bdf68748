"""Screens of pins."""
