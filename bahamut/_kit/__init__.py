"""Cogs that know nothing of Bahamut; each could be lifted out whole."""
