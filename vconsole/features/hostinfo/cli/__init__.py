"""Hostinfo without the screen."""
