"""Commands that every page has."""
