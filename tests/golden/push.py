"""1.5: the push behaviours of the recording server, on the public API alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import bahamut
from bahamut import elemental
from bahamut.auth import simple
from bahamut.elemental import Event, EventType
from tests.golden.scripts import new, now

TOPIC = "events"


async def authenticate(session: bahamut.Session) -> bahamut.AuthAction:
    token = session.token
    if not token:
        try:
            token = session.cookie("token")
        except LookupError:
            return bahamut.AuthAction.CONTINUE
    match token:
        case "good":
            session.claims = ["user=ann"]
            return bahamut.AuthAction.OK
        case "bad":
            return bahamut.AuthAction.KO
        case "error":
            raise RuntimeError("token check failed")
    return bahamut.AuthAction.CONTINUE


class Dispatcher:
    """Decides by the session parameter `mode`, and keeps lines of what happened."""

    def __init__(self, registry: elemental.Registry) -> None:
        self.registry = registry
        self.lines: list[str] = []

    async def on_push_session_init(self, session: bahamut.PushSession) -> bool:
        mode = session.parameter("mode")
        self.lines.append(f"init {mode}")
        match mode:
            case "deny":
                return False
            case "error":
                raise RuntimeError("init failed")
            case "fault":
                raise RuntimeError("init failed although it said yes")
        return True

    async def on_push_session_start(self, session: bahamut.PushSession) -> None:
        mode = session.parameter("mode")
        self.lines.append(f"start {mode} claims {','.join(session.claims)}")
        if mode in ("hello", "hellojson", "hellotwice"):
            encoding = f"application/{'json' if mode == 'hellojson' else 'msgpack'}"
            hello = new(self.registry, "list", identifier="hello", name="hello", pin="1234")
            events = [Event.new(EventType.CREATE, hello, timestamp=now(), encoding=encoding)]
            if mode == "hellotwice":
                there = new(self.registry, "task", identifier="there", name="there")
                events.append(Event.new(EventType.DELETE, there, timestamp=now()))
            session.direct_push(*events)

    async def on_push_session_stop(self, session: bahamut.PushSession) -> None:
        self.lines.append(f"stop {session.parameter('mode')}")

    async def should_dispatch(
        self, session: bahamut.PushSession, event: Event, summary: Any
    ) -> bool:
        mode, _, wanted = session.parameter("mode").partition(":")
        match mode:
            case "only-lists":
                return event.identity == "list"
            case "none":
                return False
            case "fail":
                raise RuntimeError("should dispatch failed")
            case "named":
                return bool(summary == wanted)
            case "filter":
                config = session.push_config
                condition = config.filter_for_identity(event.identity) if config else None
                return condition is None or elemental.matches(self._object(event), condition)
        return True

    def related_event_identities(self, identity: str) -> list[str]:
        return ["list"] if identity == "task" else []

    async def summarize_event(self, event: Event) -> str:
        name = _name(event)
        if name == "nosummary":
            raise RuntimeError("no summary")
        return name

    def _object(self, event: Event) -> Any:
        made = self.registry.model(event.identity)()
        event.decode(made)
        return made


class Censor:
    """Keeps some events from being published."""

    async def should_publish(self, event: Event) -> bool:
        name = _name(event)
        if name == "hushed":
            raise RuntimeError("hushed")
        return name != "silent"


def _name(event: Event) -> str:
    held = elemental.decode(event.encoding, event.data)
    return str(held.get("name") or "") if isinstance(held, dict) else ""


def events_of(registry: elemental.Registry, query: Mapping[str, str]) -> list[Event]:
    """Return the events that a query for `/custom/push` asks for."""
    identity = registry.identity_from_name(query.get("identity", "list"))
    name, count = query.get("name", "pushed"), int(query.get("n", "1"))
    encoding = f"application/{query.get('encoding', 'msgpack')}"
    stamp = now() - timedelta(seconds=float(query.get("age", "0")))
    events = []
    for index in range(count):
        made = registry.model(identity)()
        made.identifier = made.name = f"{name}-{index + 1}" if count > 1 else name
        if identity.name in ("list", "task"):
            made.description = "d" * int(query.get("size", "0"))
        if identity.name == "list":
            made.pin = "1234"
        kind = query.get("type", "update")
        events.append(Event.new(kind, made, timestamp=stamp, encoding=encoding))
    return events


def push_options(
    registry: elemental.Registry, client: bahamut.PubSubClient, dispatcher: Dispatcher
) -> list[bahamut.Option]:
    return [
        bahamut.opt_push_server(client, TOPIC),
        bahamut.opt_push_dispatch_handler(dispatcher),
        bahamut.opt_push_publish_handler(Censor()),
        bahamut.opt_authenticators([], [simple.new_authenticator(None, authenticate)]),
    ]
