"""Storage: pools of the host, their volumes, and which domains use them."""
