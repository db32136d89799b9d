"""The same work on four servers, each started as ``python -m benchmarks.servers.NAME PORT``."""
