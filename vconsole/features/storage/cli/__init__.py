"""Storage without the screen."""
