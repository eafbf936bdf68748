"""Answers to requests: each reads or changes what one page asks for."""
