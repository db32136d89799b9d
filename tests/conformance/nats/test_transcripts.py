"""nats/transcripts.jsonl: what a client says to a server, and what its callers hear."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from bahamut.pubsub import (
    Publication,
    nats_opt_client_id,
    nats_opt_cluster_id,
    nats_opt_connect_retry_interval,
    nats_opt_credentials,
    nats_opt_publish_require_ack,
    nats_opt_respond_to_channel,
    nats_opt_subscribe_queue,
    nats_opt_subscribe_reply_timeout,
    new_nats_pubsub_client,
)
from tests.conformance.nats.support import (
    DECODER,
    fields_of,
    is_subject,
    publication_of,
    rows,
    without_own,
)
from tests.conformance.nats.wire import Peer, Tap
from tests.conformance.tables.support import Tally
from tests.integration.nats_support import NATSServer

CALL = {"timeout_ms": 5000}
WANTS = {
    "ack": nats_opt_publish_require_ack,
    "response": nats_opt_respond_to_channel,
    "ack without context": lambda **_: nats_opt_publish_require_ack(timeout=0),
}


class Feed:
    """One subscription in the original's form."""

    def __init__(self) -> None:
        self.publications: asyncio.Queue[Publication] = asyncio.Queue()
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()
        self.unsubscribe: Any = None
        self.last: Publication | None = None


class Caller:
    """Does what a transcript asks of a client, and says what it gave."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._feeds: dict[str, Feed] = {}

    async def do(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            return await getattr(self, call["do"])(call) or {}
        except asyncio.CancelledError:
            return {"error": "context canceled"}
        except Exception as error:  # noqa: BLE001 - all that callers hear is compared
            # Of what Go's callers did wrong it panics; ours is a ValueError all the same.
            key = "panic" if str(error).startswith("illegal") else "error"
            return {key: str(error)}

    async def client(self, call: dict[str, Any]) -> None:
        options = [
            nats_opt_credentials(call.get("user", ""), call.get("password", "")),
            nats_opt_connect_retry_interval(call.get("retry_ms", 1000) / 1000),
        ]
        if "client_id" in call:
            options += [nats_opt_client_id(call["client_id"])]
            options += [nats_opt_cluster_id(call["cluster_id"])]
        self._client = new_nats_pubsub_client(call.get("url", self._url), *options)

    async def connect(self, call: dict[str, Any]) -> None:
        await self._client.connect(timeout=call["connect_ms"] / 1000)

    async def publish(self, call: dict[str, Any]) -> dict[str, Any]:
        publication = publication_of(call["publication"])
        seconds = {**CALL, **call}["timeout_ms"] / 1000
        result: dict[str, Any] = {}

        async def publish() -> None:
            options = [WANTS[want](timeout=seconds) for want in call.get("want", ())]
            response = await self._client.publish(publication, *options)
            if response is not None:
                result["response"] = fields_of(response)

        publishing = asyncio.create_task(publish())
        if "cancel_ms" in call:
            asyncio.get_running_loop().call_later(call["cancel_ms"] / 1000, publishing.cancel)
        result |= await _result_of(publishing)
        await self._settle()
        return (
            result if "panic" in result else {**result, "publication_after": fields_of(publication)}
        )

    async def subscribe(self, call: dict[str, Any]) -> None:
        options = []
        if call.get("queue"):
            options.append(nats_opt_subscribe_queue(call["queue"]))
        if "reply_timeout_ms" in call:
            options.append(nats_opt_subscribe_reply_timeout(call["reply_timeout_ms"] / 1000))
        feed = self._feeds[call["name"]] = Feed()
        feed.unsubscribe = await self._client.subscribe_queue(
            feed.publications, feed.errors, call["topic"], *options
        )

    async def receive(self, call: dict[str, Any]) -> dict[str, Any]:
        feed = self._feeds[call["name"]]
        try:
            async with asyncio.timeout(call["timeout_ms"] / 1000):
                feed.last = await feed.publications.get()
        except TimeoutError:
            return {"nothing": True}
        return {"publication": fields_of(feed.last)}

    async def reply(self, call: dict[str, Any]) -> None:
        await self._feeds[call["name"]].last.reply(publication_of(call["publication"]))
        await self._settle()

    async def error(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(call["timeout_ms"] / 1000):
                return {"text": str(await self._feeds[call["name"]].errors.get())}
        except TimeoutError:
            return {"nothing": True}

    async def unsubscribe(self, call: dict[str, Any]) -> None:
        await self._feeds[call["name"]].unsubscribe()
        await self._settle()

    async def ping(self, call: dict[str, Any]) -> None:
        await self._client.ping(call["timeout_ms"] / 1000)

    async def disconnect(self, call: dict[str, Any]) -> None:
        await self._client.disconnect()

    async def end(self) -> None:
        if self._client is not None:
            await self._client.disconnect()

    async def _settle(self) -> None:
        """Wait until all that was sent has passed the tap."""
        with contextlib.suppress(ConnectionError):
            await self._client.ping(5)


async def _result_of(publishing: asyncio.Task[None]) -> dict[str, Any]:
    try:
        await asyncio.wait((publishing,))
        publishing.result()
    except asyncio.CancelledError:
        return {"error": "context canceled"}
    except Exception as error:  # noqa: BLE001 - all that callers hear is compared
        return {("panic" if str(error).startswith("illegal") else "error"): str(error)}
    return {}


async def played(row: dict[str, Any], port: int) -> list[dict[str, Any]]:
    """Return the transcript as it runs with our client."""
    found, waiting = [], []
    async with Tap(port) as tap, Peer() as peer:
        await peer.connect(f"nats://127.0.0.1:{port}")
        caller = Caller(tap.url)
        for step in row["steps"]:
            (kind, given), *_ = step.items()
            if kind == "client":
                found.append({kind: given, "result": await caller.do(given)})
                continue
            if kind == "client_begins":
                waiting.append(asyncio.create_task(caller.do(given)))
            elif kind == "client_ends":
                found.append({kind: given, "result": await waiting.pop()})
                continue
            elif kind == "client_sent":
                said = tap.take()
                if not any(each["op"] == "CONNECT" for each in given):
                    said = [each for each in said if each["op"] != "CONNECT"]
                step = {kind: said}
            elif kind == "peer_received":
                step = {kind: await peer.received(len(given))}
            else:
                await _done_by(peer, kind, given)
            found.append(step)
        await caller.end()
    return found


async def _done_by(peer: Peer, kind: str, given: Any) -> None:
    if kind == "pause":
        await asyncio.sleep(given)
    elif kind == "peer_subscribes":
        await peer.subscribe(given)
    elif kind == "peer_publishes":
        await peer.publish(given)
    else:
        raise AssertionError(kind)


# --- differences on purpose ------------------------------------------------------------------


def decision(row: dict[str, Any], ours: list[dict[str, Any]]) -> str | None:
    """Return the decisions that explain each step that differs."""
    found: set[str | None] = set()
    for theirs, mine in zip(row["steps"], ours, strict=True):
        if theirs != mine:
            rules = (connecting, bad_topic, decoder, no_envelope, no_time)
            found.add(next((name for rule in rules if (name := rule(row, theirs, mine))), None))
    return None if None in found else ", ".join(sorted(found))


def connecting(row: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """The name of a client reaches the server; which library speaks is its own business."""
    said = [each.get("client_sent") for each in (theirs, mine)]
    if not all(lines and lines[0]["op"] == "CONNECT" for lines in said):
        return None
    options = [without_own(lines[0]["options"]) for lines in said]
    return "X23" if options[0] == options[1] and said[1][0]["options"]["name"] else None


def bad_topic(row: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """Nothing is sent to what is no subject."""
    topics = [
        step["client"]["publication"]["topic"]
        for step in row["steps"]
        if step.get("client", {}).get("do") == "publish" and step["client"]["publication"]
    ]
    is_bad = not all(map(is_subject, topics))
    is_silent = mine.get("client_sent") == [] or mine.get("peer_received") == []
    is_refused = mine.get("result", {}).get("error") == "nats: invalid subject"
    return "X45" if is_bad and (is_silent or is_refused) else None


def decoder(row: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """The same first words, then what the decoder says."""
    results = [dict(each.get("result", {})) for each in (theirs, mine)]
    errors = [each.pop("error", "") for each in results]
    both = all(error.startswith(DECODER) for error in errors)
    return "X34" if both and results[0] == results[1] else None


def no_envelope(row: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """What is no map is no envelope, also if it is an empty list or nil."""
    sent = [
        step["peer_publishes"]["payload_base64"]
        for step in row["steps"]
        if "peer_publishes" in step
    ]
    is_odd = all(payload in ("kA==", "wA==") for payload in sent)
    is_dropped = mine.get("result") == {"nothing": True}
    return "X35" if sent and is_odd and is_dropped else None


def no_time(row: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """A context is a number of seconds; none is none of it."""
    is_asked = theirs.get("client", {}).get("want") == ["ack without context"]
    is_refused = "illegal argument" in mine.get("result", {}).get("panic", "")
    return "section 3" if is_asked and is_refused else None


@pytest.mark.asyncio
async def test_transcripts():
    tally = Tally("nats/transcripts.jsonl")
    async with NATSServer() as server:
        for row in rows("transcripts.jsonl"):
            async with asyncio.timeout(20):
                ours = await played(row, server.port)
            tally.add(row, ours, row["steps"], decision)
    tally.close()
