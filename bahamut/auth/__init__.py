"""Guards: authenticators and authorizers, ready-made ones and the chains that ask them."""
