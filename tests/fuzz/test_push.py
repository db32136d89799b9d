"""Whatever a client of the websocket sends, it is served or told why not, and others get theirs."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bahamut.cli import _load
from bahamut.elemental import Event, FilterError
from bahamut.elemental.encoding import decode_into, encode
from bahamut.elemental.filters import MatcherError, compile_filter
from bahamut.elemental.push_config import PushConfig
from bahamut.elemental.shapes import DecodeError
from hypothesis import given, strategies as st
from tests.fuzz.server import Running, serving
from tests.fuzz.support import (
    KINDS,
    damaged,
    fitting_objects,
    free,
    mostly,
    outcome,
    packed,
    scaled,
    texts,
)
from tests.fuzz.test_encoding import pieces
from tests.fuzz.test_filters import anything, golden_filters
from tests.fuzz.websocket import BINARY, TEXT, ClosedError, Websocket, packed_frame

pytestmark = pytest.mark.fuzz
ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "golden" / "data" / "push"
_, REGISTRY = _load(str(ROOT / "examples" / "todo" / "specs"))
MODELS = {model.IDENTITY.name: model for model in REGISTRY.models() if model.ATTRIBUTES}
CODES = {0, 1000, 1001, 1002, 1003, 1007, 1008, 1009, *range(3000, 5000)}
"""With which a session may end; 1011 is an exception that nobody expected."""


def recorded_messages() -> dict[str, list[bytes]]:
    """Return what clients sent in the recordings, by what it seems to be."""
    found: dict[str, dict[bytes, None]] = {kind: {} for kind in KINDS}
    for path in sorted(RECORDED.glob("*.json")):
        for step in json.loads(path.read_text()).get("steps", ()):
            sent = step.get("send", {})
            if sent.get("opcode") not in ("text", "binary"):
                continue
            data = base64.b64decode(sent["base64"]) if "base64" in sent else sent["text"].encode()
            if len(data) < 1000:
                found[KINDS[not data.lstrip().startswith((b"{", b"["))]][data] = None
    return {kind: list(messages) for kind, messages in found.items()}


SEEDS = recorded_messages()
identities = mostly([*MODELS, *MODELS], mostly(["lists", "root", "nothing", ""], texts))
types = mostly(["create", "update", "delete"], mostly(["error", "odd", "CREATE"], texts))
told = st.sampled_from([{"enableErrors": ["true"]}, {"enableErrors": ["false"]}, {}])
filter_texts = st.one_of(
    st.sampled_from(
        ['name == "a"', 'tags contains ["a"]', 'name matches "^.*(a|b){20}$"', "priority > 1",
         'title in ["a", "b"]', "dueDate > now()", "labels exists", 'labels.a == "1"']
    ),
    golden_filters,
    anything,
)  # fmt: skip


def sometimes_free(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 19).flatmap(lambda chance: of if chance else free)


configs = st.fixed_dictionaries(
    {},
    optional={
        "identities": sometimes_free(
            st.dictionaries(
                identities,
                st.one_of(st.just([]), st.none(), st.lists(types, max_size=3)),
                max_size=3,
            )
        ),
        "filters": sometimes_free(st.dictionaries(identities, filter_texts, max_size=2)),
        "parameters": sometimes_free(
            st.one_of(told, st.dictionaries(texts, st.lists(texts, max_size=2), max_size=2))
        ),
        "": free,
    },
)


def messages(kind: str) -> st.SearchStrategy[bytes]:
    valid = configs.map(lambda value: packed(kind, value))
    of_seed = damaged(st.sampled_from(SEEDS[kind]), pieces[kind])
    return st.one_of(valid, valid, damaged(valid, pieces[kind]), of_seed, st.binary())


kinds = st.sampled_from(KINDS)
ways = st.tuples(kinds, kinds)
"""The encodings that a client sends and gets."""


# --- in memory -----------------------------------------------------------------------------------


@st.composite
def subjects(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(sorted(MODELS)))
    return name, draw(fitting_objects(MODELS[name]))


@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), messages(kind))), subjects())
def test_any_configuration_is_applied_or_refused(
    message: tuple[str, bytes], subject: tuple[str, dict[str, Any]]
) -> None:
    kind, data = message
    config = outcome(lambda: PushConfig.from_bytes(kind, data), DecodeError)
    if config is None:
        return
    for each in KINDS:
        again = PushConfig.from_bytes(each, encode(each, config.to_wire()))
        assert (again.identities, again.filters) == (config.identities, config.filters)
    if outcome(lambda: config.parse_identity_filters() or config, FilterError) is None:
        return
    name, values = subject
    assert config.is_filtered_out(name, "create") in (True, False)
    condition = config.duplicate().filter_for_identity(name)
    test = condition and outcome(lambda: compile_filter(condition), MatcherError)
    if test:
        made = MODELS[name]()
        outcome(lambda: decode_into(KINDS[1], packed(KINDS[1], values), made), DecodeError)
        assert test(made) in (True, False)


# --- over a websocket ----------------------------------------------------------------------------

numbers = itertools.count()


class Innocent:
    """A server, and clients that ask for lists and must get them whatever others send."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.sessions = {kind: Websocket(server.port, kind, kind) for kind in KINDS}
        for kind, session in self.sessions.items():
            ask_for_lists(session, kind)
            session.until_pong(b"ready")

    def check(self, *others: tuple[Websocket, str]) -> None:
        """Create and delete a list; these clients, and the others, hear of it."""
        name = f"list {next(numbers)}"
        answer = self.server.request("POST", "/lists", json.dumps({"name": name}).encode())
        assert answer.status in (200, 201), answer
        path = f"/lists/{json.loads(answer.body)['ID']}?confirm=true"
        for kind, session in self.sessions.items():
            read_creation(session, kind, name)
        for other, kind in others:
            read_creation(other, kind, name)
        assert self.server.request("DELETE", path).status in (200, 204)
        self.server.check_health()


def ask_for_lists(session: Websocket, kind: str) -> None:
    config = packed(kind, {"identities": {"list": []}, "filters": {}})
    session.send(packed_frame(TEXT if kind == KINDS[0] else BINARY, config))


def read_creation(session: Websocket, kind: str, name: str) -> None:
    """Read frames until one tells of a new list of that name."""
    while True:
        frame = session.frame()
        if frame.opcode not in (TEXT, BINARY):
            continue
        event = Event.from_bytes(kind, frame.payload)
        if event.identity == "list" and event.type == "create":
            made = MODELS["list"].zero()
            event.decode(made)
            if made.name == name:
                return


@pytest.fixture(scope="module")
def innocent() -> Iterator[Innocent]:
    with serving(REGISTRY, "/users") as server:
        found = Innocent(server)
        yield found
        for session in found.sessions.values():
            session.close()


@st.composite
def conversations(draw: st.DrawFn) -> tuple[str, str, str, list[tuple[int, bytes]]]:
    reads, writes = draw(ways)
    query = draw(st.sampled_from(["", "?enableErrors=true", "?mode=a&mode=b"]))
    opcode = mostly([TEXT if reads == KINDS[0] else BINARY], st.sampled_from([TEXT, BINARY]))
    sent = st.lists(st.tuples(opcode, messages(reads)), min_size=1, max_size=4)
    return reads, writes, query, draw(sent)


@scaled(0.5)
@given(conversations())
def test_any_messages_are_answered_or_end_the_session(
    innocent: Innocent, given: tuple[str, str, str, list[tuple[int, bytes]]]
) -> None:
    reads, writes, query, sent = given
    session, code = Websocket(innocent.server.port, reads, writes, query), None
    with contextlib.closing(session):
        try:
            for opcode, data in sent:
                session.send(packed_frame(opcode, data))
            for frame in session.until_pong(b"so far"):
                if frame.opcode in (TEXT, BINARY):
                    assert Event.from_bytes(writes, frame.payload).type == "error", frame
            ask_for_lists(session, reads)
            session.until_pong(b"asked")
        except ClosedError as closed:
            code = closed.code
        assert code is None or code in CODES, code
        innocent.check(*[(session, writes)] * (code is None))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return frames of which most are allowed."""
    opcode = draw(mostly([0, 1, 2, 8, 9, 10], st.integers(0, 15)))
    first = draw(mostly([0x80, 0x80, 0], st.sampled_from([0xC0, 0xA0, 0x90, 0x40, 0xF0])))
    payload = draw(
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from(
                [b"\x03\xe8", b"\x03\xefbye", b"\x03\xed", b"\x0b\xb8", b"\x03\xe8\xff"]
            ),
            kinds.flatmap(messages),
            st.integers(0, 70_000).map(bytes),
        )
    )
    return packed_frame(opcode, payload, first, draw(mostly([0x80, 0x80, 0x80], st.just(0))))


wire_pieces = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"\x81\xff" + b"\xff" * 8, b"\x81\xfe\0\1", b"\x89\xfe\1\0", b"\x88\x80\0\0"]),
)
streams = st.one_of(
    damaged(st.lists(frames(), max_size=4).map(b"".join), wire_pieces), st.binary(max_size=100)
)


@scaled(0.5)
@given(ways, streams)
def test_any_frames_leave_the_server_serving(
    innocent: Innocent, given: tuple[str, str], data: bytes
) -> None:
    session = Websocket(innocent.server.port, *given)
    with contextlib.closing(session), contextlib.suppress(ClosedError):
        session.send(data)
        code = session.until_end()
        assert code in CODES, code
    innocent.check()
