"""The one way to change anything: asked, carried out, read back, logged."""
