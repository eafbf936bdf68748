"""Where a domain's memory lies, and moving it."""
