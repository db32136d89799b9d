"""Suites that every driver of a kind passes."""
