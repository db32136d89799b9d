"""The push side: events out to whoever asked for them."""
