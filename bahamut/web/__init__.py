"""The aiohttp edge, shared by all doors."""
