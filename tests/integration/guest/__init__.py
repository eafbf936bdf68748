"""The small system that the tests boot: how it is built, and the files that are our own."""
