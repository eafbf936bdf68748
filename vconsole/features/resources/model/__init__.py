"""How much memory and how many vCPUs a domain has."""
