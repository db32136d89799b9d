"""Metrics and traces: optional, and nothing at all when they are off."""
