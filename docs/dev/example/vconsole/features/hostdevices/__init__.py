"""Devices of the host."""
