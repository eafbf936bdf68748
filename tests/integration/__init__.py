"""Tests against a real libvirtd that they start themselves."""
