"""The health server: a small application of its own."""
