"""Who disturbs a domain or a pCPU."""
