"""Set-up and generated documents."""
