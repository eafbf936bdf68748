"""The metrics that a host publishes for its domains, in the formats of vhostmd."""
