"""Hostmap."""
