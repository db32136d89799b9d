"""What can go wrong between a publisher and its subscribers."""


class PubSubError(Exception):
    """Something between publisher and subscriber went wrong."""


class NotConnectedError(PubSubError, ConnectionError):
    """There is no connection, or there is none any more."""


class NoRespondersError(PubSubError):
    """An answer was asked for, and nobody listens who could give it."""


class OverflowedError(PubSubError):
    """A subscriber is too slow: its bound refused publications."""


class TooLargeError(PubSubError):
    """A publication is larger than the server accepts."""
