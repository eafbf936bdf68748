"""Changes under way and what became of those before."""
