"""The daemon of metrics."""
