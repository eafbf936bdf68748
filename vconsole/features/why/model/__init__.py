"""Readings of a disturbed pCPU, and what follows from two of them."""
