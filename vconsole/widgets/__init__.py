"""One widget a file; each shows one model value."""
