"""Publish and subscribe: within one process, or over NATS."""

from __future__ import annotations

import functools

from bahamut.pubsub.base import PubSubClient, Unsubscribe, Waiter
from bahamut.pubsub.errors import (
    NoRespondersError,
    NotConnectedError,
    OverflowedError,
    PubSubError,
    TooLargeError,
)
from bahamut.pubsub.local import new_local_pubsub_client
from bahamut.pubsub.nats_options import (
    NATSConfig,
    NATSOption,
    nats_opt_client_id,
    nats_opt_cluster_id,
    nats_opt_connect_retry_interval,
    nats_opt_credentials,
    nats_opt_error_handler,
    nats_opt_reconnect_grace,
    nats_opt_tls,
)
from bahamut.pubsub.options import (
    PubSubOptPublish,
    PubSubOptSubscribe,
    nats_opt_publish_require_ack,
    nats_opt_respond_to_channel,
    nats_opt_subscribe_queue,
    nats_opt_subscribe_reply_timeout,
)
from bahamut.pubsub.publication import Publication, ResponseMode
from bahamut.pubsub.subscription import Subscription


def new_nats_pubsub_client(url: str, *options: NATSOption) -> PubSubClient:
    """Return a client of a server of NATS (Go: NewNATSPubSubClient).

    Args:
        url: of the server, or of several, with commas between them.
        options: how to connect; of one given twice the last one wins.
    """
    # nats-py is loaded by those who use it.
    from bahamut.pubsub.nats_client import NATSPubSubClient

    config = functools.reduce(lambda made, option: option(made), options, NATSConfig())
    return NATSPubSubClient(url, config)


__all__ = [
    "NATSOption",
    "NoRespondersError",
    "NotConnectedError",
    "OverflowedError",
    "PubSubClient",
    "PubSubError",
    "PubSubOptPublish",
    "PubSubOptSubscribe",
    "Publication",
    "ResponseMode",
    "Subscription",
    "TooLargeError",
    "Unsubscribe",
    "Waiter",
    "nats_opt_client_id",
    "nats_opt_cluster_id",
    "nats_opt_connect_retry_interval",
    "nats_opt_credentials",
    "nats_opt_error_handler",
    "nats_opt_publish_require_ack",
    "nats_opt_reconnect_grace",
    "nats_opt_respond_to_channel",
    "nats_opt_subscribe_queue",
    "nats_opt_subscribe_reply_timeout",
    "nats_opt_tls",
    "new_local_pubsub_client",
    "new_nats_pubsub_client",
]
