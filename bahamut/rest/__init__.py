"""The REST door: which paths there are, and how an answer leaves."""
