"""Interfaces of domains, and the networks and bridges they are on."""
