"""What the decisions make of the websocket scripts that the replay tool leaves out.

A rule gets a script and yields the steps that our server is held to; which rule, says the decision
that overrules the script, and what becomes of a step, says what is in it.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bahamut import regolithe
from bahamut.elemental import (
    JSON,
    MSGPACK,
    Event,
    Filter,
    FilterError,
    PushConfig,
    decode,
    decode_into,
    encode,
    matches,
    without_secrets,
)
from tests.golden import replay
from tests.golden.push import events_of

sys.modules.setdefault("replay", replay)  # the tool imports its neighbour by its bare name
replay_push = importlib.import_module("tests.golden.replay_push")

OWN = Path(__file__).parent
SCRIPTS = Path(os.environ.get("BAHAMUT_GOLDEN") or OWN / "data") / "push"
REGISTRY = regolithe.build_registry(regolithe.load(OWN / "data" / "specs"))
PUSH = "/custom/push"

Script = dict[str, Any]
Steps = Iterator[dict[str, Any]]


def left_out() -> list[Script]:
    """Return the scripts of which the tool leaves out all or a step, with their decisions."""
    lines = (OWN / "allow_push.txt").read_text()
    allowed = dict(re.findall(r"^(\S+)#\S+: (\S+)", lines, re.MULTILINE))
    scripts = [json.loads(path.read_text()) for path in sorted(SCRIPTS.glob("*.json"))]
    return [
        {"decision": allowed.get(script["name"]), **script}
        for script in scripts
        if script.get("ours") == "other" or script["name"] in allowed
    ]


def decided(script: Script) -> Steps:
    """Return the steps of a script as its decision has them."""
    return RULES[script["decision"]](script)


def as_recorded(script: Script) -> Steps:
    """X38: aiohttp takes a handshake over HTTP/1.0, as the original did."""
    return _settled(script["steps"])


def _settled(steps: Iterable[dict[str, Any]]) -> Steps:
    """Yield steps; before each push a pong says that all that was sent before is in force."""
    sessions = []
    for step in steps:
        if "ws_open" in step:
            sessions.append(step["ws_open"]["session"])
        elif _is_push(step):
            for name in sessions:
                yield {"send": {"session": name, "opcode": "ping", "text": "?"}}
                yield {"expect": {"session": name, "frames": [{"opcode": "pong", "text": "?"}]}}
        yield step


def _is_push(step: dict[str, Any]) -> bool:
    return "http" in step and step["http"]["target"].startswith(PUSH)


# --- what a session gets -----------------------------------------------------------------------


class Session:
    """What is known of a session of a script: its encoding, and what it asked for."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.encoding = dict(request["headers"]).get("Accept", JSON)
        self.config = PushConfig()

    def send(self, frame: dict[str, Any]) -> None:
        self.config = PushConfig.from_bytes(self.encoding, replay_push.payload_of(frame))
        self.config.parse_identity_filters()

    def gets(self, event: Event) -> bool:
        condition = self.config.filter_for_identity(event.identity)
        is_match = condition is None or matches(_object(event), condition)
        return is_match and not self.config.is_filtered_out(event.identity, event.type)

    def frame(self, event: Event) -> dict[str, Any]:
        held = without_secrets(_object(event))
        sent = Event.new(event.type, held, timestamp=event.timestamp, encoding=self.encoding)
        return replay_push.decoded_frame(0x81, sent.to_bytes(self.encoding), masked=False)


def _object(event: Event) -> Any:
    made = REGISTRY.model(event.identity)()
    event.decode(made)
    return made


def as_asked(script: Script) -> Steps:
    """X11, X16, X19, X41: a session gets what it asked for, however old, or JSON inside, or long
    the message that asked; no filter is refused."""
    return _settled(_told(script["steps"]))


def _told(steps: Iterable[dict[str, Any]]) -> Steps:
    """Yield steps; what a session gets of a push takes the place of what the original gave it."""
    sessions: dict[str, Session] = {}
    is_greeted = False
    for step in steps:
        if "ws_open" in step:
            sessions[step["ws_open"]["session"]] = Session(step["ws_open"])
            is_greeted = True
        elif "send" in step:
            sessions[step["send"]["session"]].send(step["send"])
            is_greeted = False
        elif not is_greeted and {"expect", "expect_none_for"} & step.keys():
            continue
        yield step
        if _is_push(step):
            is_greeted = False
            query = dict(parse_qsl(urlsplit(step["http"]["target"]).query))
            events = events_of(REGISTRY, query)
            for name, session in sessions.items():
                frames = [session.frame(event) for event in events if session.gets(event)]
                yield {"expect": {"session": name, "frames": frames}}


# --- X16: filters ------------------------------------------------------------------------------

NAMES = ("milk", "0", "1", "2", "a")
"""On both sides of what the scripts' filters compare names with."""
REFUSED, MISTAKE = "name > 1", "name >"


def x16_filters(script: Script) -> Steps:
    """X16: every filter is taken and applied, until the session asks for something else.

    Scripts about the state behind a mistake are played with a filter that we refuse as well.
    """
    if script["group"].startswith("error state"):
        return _settled(map(_mistaken, script["steps"]))
    steps = []
    for step in script["steps"]:
        steps.append(step)
        if "send" in step:
            steps += [_push(name) for name in NAMES]
    opened = script["steps"][0]["ws_open"]
    unfiltered = encode(Session(opened).encoding, {"identities": {"list": []}})
    last = {"session": opened["session"], "opcode": "binary", "base64": _base64(unfiltered)}
    return as_asked({"steps": [*steps, {"send": last}, _push("last")]})


def _push(name: str) -> dict[str, Any]:
    target = f"{PUSH}?name={name}"
    headers = [["Host", "test"], ["Content-Length", "0"]]
    request = {"method": "POST", "target": target, "headers": headers}
    return {"http": request, "answer": {"status": 204, "reason": "No Content", "headers": []}}


def _mistaken(step: dict[str, Any]) -> dict[str, Any]:
    if "send" in step:
        return {"send": _with_mistake(step["send"])}
    if "expect" in step:
        frames = [_with_mistake(frame) for frame in step["expect"]["frames"]]
        return {"expect": {**step["expect"], "frames": frames}}
    return step


def _with_mistake(frame: dict[str, Any]) -> dict[str, Any]:
    if "text" not in frame and "base64" not in frame:
        return frame
    encoding = JSON if "text" in frame else MSGPACK
    changed = encode(encoding, _replaced(decode(encoding, replay_push.payload_of(frame))))
    if encoding == JSON:
        return {**frame, "text": changed.decode()}
    return {**frame, "base64": _base64(changed)}


def _replaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item) for key, item in value.items()}
    if isinstance(value, bytes):  # the entity of an event
        return encode(MSGPACK, _replaced(decode(MSGPACK, value)))
    if not isinstance(value, str):
        return value
    error = f'{MISTAKE}": {_error_of(MISTAKE)}'
    return value.replace(f'{REFUSED}": unsupported comparator: >', error).replace(REFUSED, MISTAKE)


def _error_of(text: str) -> str:
    try:
        Filter.parse(text)
    except FilterError as error:
        return str(error)
    raise AssertionError(f"{text} is a filter")


def _base64(data: bytes) -> str:
    return replay_push.base64.b64encode(data).decode()


# --- answers -----------------------------------------------------------------------------------


def x21_nested_secrets(script: Script) -> Steps:
    """X21: what is secret in an object within an object is blanked in answers too."""
    return (_answered(step, _scrubbed) for step in script["steps"])


def x39_panics(script: Script) -> Steps:
    """X39: what is no elemental error is an Internal Server Error of elemental with its text."""
    return (_unrefused(_answered(step, _unpanicked)) for step in script["steps"])


def _unrefused(step: dict[str, Any]) -> dict[str, Any]:
    """Return a handshake that a guard's exception ended, with 500 in place of 401 or 403."""
    if "ws_open" not in step or step["answer"]["status"] not in (401, 403):
        return step
    (error,) = json.loads(step["answer"]["body"])
    error |= {"code": 500, "subject": "elemental", "title": "Internal Server Error"}
    body = json.dumps([error], separators=(",", ":"))
    return {**step, "decision": "X39", "ours": {"status": [500], "body": body}}


def _answered(step: dict[str, Any], change: Callable[[str, str], str]) -> dict[str, Any]:
    """Return a step with the body of its answer changed."""
    if "http" not in step or not step["answer"]["body"]:
        return step
    body = change(step["http"]["target"], step["answer"]["body"])
    return {**step, "answer": {**step["answer"], "body": body}}


def _scrubbed(target: str, body: str) -> str:
    made = REGISTRY.model(REGISTRY.identity_from_category(target.split("/")[1]))()
    decode_into(JSON, body.encode(), made)
    return encode(JSON, without_secrets(made)).decode()


def _unpanicked(_target: str, body: str) -> str:
    panic = '"description":"panic: '
    if panic not in body:
        return body
    return body.replace(panic, '"description":"').replace('"bahamut"', '"elemental"')


# --- what ends a session, or never lets it begin -----------------------------------------------


def x14_foreign_origin(script: Script) -> Steps:
    """X14: a page of somebody else gets no session, and no handler hears of it."""
    for step in script["steps"]:
        if "ws_open" in step:
            headers = dict(step["ws_open"]["headers"])
            assert urlsplit(headers["Origin"]).netloc != headers["Host"]
            yield {**step, "decision": "X14", "ours": {"status": [403]}}
        elif "expect" not in step:
            yield step
    request = {"method": "GET", "target": "/custom/sessions", "headers": [["Host", "test"]]}
    yield {"http": request, "decision": "X14", "ours": {"status": [200], "body": "[]\n"}}


def x35_one_object(script: Script) -> Steps:
    """X35: a message is an object, or null, which asks for everything; anything else is none."""
    opened, sent = (step for step in script["steps"] if "ws_open" in step or "send" in step)
    encoding = Session(opened["ws_open"]).encoding
    if decode(encoding, replay_push.payload_of(sent["send"])) is None:
        return as_asked(script)
    return _ended(script, 1003)


def x42_mistakes_of_clients(script: Script) -> Steps:
    """X42: what is no UTF-8 where a text must be ends a session with 1007, every other mistake
    with 1002."""
    frame = next(step for step in script["steps"] if {"send", "close"} & step.keys())
    frame = frame.get("send") or {"opcode": "close", **frame["close"]}
    payload = b"" if "raw_base64" in frame else replay_push.payload_of(frame)
    text = payload[2:] if frame.get("opcode") == "close" else payload
    return _ended(script, 1002 if _is_text(text) else 1007)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ended(script: Script, code: int) -> Steps:
    """Yield the steps of a session that ends where the script first expects something of it."""
    is_over = False
    for step in script["steps"]:
        if not is_over and "expect" in step:
            is_over = True
            goodbye = {"opcode": "close", "ours": {"opcode": "close", "codes": [code]}}
            frames = [goodbye, replay_push.END]
            yield {"expect": {"session": step["expect"]["session"], "frames": frames}}
        elif not is_over or not {"send", "expect", "expect_none_for"} & step.keys():
            yield step


RULES: dict[str, Callable[[Script], Steps]] = {
    "X11": as_asked,
    "X14": x14_foreign_origin,
    "X16": x16_filters,
    "X19": as_asked,
    "X21": x21_nested_secrets,
    "X35": x35_one_object,
    "X38": as_recorded,
    "X39": x39_panics,
    "X41": as_asked,
    "X42": x42_mistakes_of_clients,
}
