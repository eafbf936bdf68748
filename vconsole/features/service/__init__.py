"""The units of the daemons, as systemd has them."""
