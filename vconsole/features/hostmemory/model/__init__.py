"""The host's memory and swap: what is read, what it means, what to do."""
