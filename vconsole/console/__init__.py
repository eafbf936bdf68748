"""The program's frame: app, start, navigation, palette, settings, themes."""
