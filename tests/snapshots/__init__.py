"""Pictures of every screen, compared with those that were looked at."""
