"""Hostmemory."""
