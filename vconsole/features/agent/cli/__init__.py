"""Agent without the screen."""
