"""Snapshots of domains; the reading of the host is `vconsole.model.host_state`."""
