"""One screen a file; each is a function of the state of the host."""
