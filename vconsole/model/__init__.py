"""Pure values and functions: what a host is, without a way to reach one."""
