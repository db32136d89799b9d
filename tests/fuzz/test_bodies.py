"""Whatever a body holds, a real server stores it or refuses it, and what it stored it can show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import pytest
from bahamut.elemental import Model, Registry
from bahamut.elemental.encoding import decode, decode_into, decode_list
from hypothesis import event, given, strategies as st
from tests.conformance.tables.support import SETS, registry
from tests.fuzz.server import Running, serving
from tests.fuzz.support import (
    KINDS,
    damaged,
    fitting_objects,
    free,
    nearly_fitting_objects,
    packed,
    scaled,
    wire_objects,
)
from tests.fuzz.test_encoding import pieces

pytestmark = pytest.mark.fuzz
REFUSED = {400, 403, 404, 409, 413, 415, 422}


def open_registry(name: str) -> Registry:
    """Return a set in which everything may be done with every model, from the root."""
    found = Registry(registry(name).models())
    for model in found.models():
        if model.ATTRIBUTES:
            found.allow(model)
    return found


REGISTRIES = {name: open_registry(name) for name in SETS}
MODELS = [
    (name, model)
    for name, found in REGISTRIES.items()
    for model in found.models()
    if model.ATTRIBUTES
]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Running]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(serving(found)) for name, found in REGISTRIES.items()}


def bodies(model: type[Model], kind: str) -> st.SearchStrategy[bytes]:
    values = st.one_of(nearly_fitting_objects(model), wire_objects(model), free)
    valid = values.map(lambda value: packed(kind, value))
    return st.one_of(valid, valid, damaged(valid, pieces[kind]))


def read(kind: str, body: bytes, model: type[Model]) -> Model:
    """Return the object of an answer: ours must be able to read what ours wrote."""
    made = model.zero()
    decode_into(kind, body, made)
    return made


class Client:
    """Sends requests about one kind of object, and checks what is true of every answer."""

    def __init__(self, server: Running, model: type[Model]) -> None:
        self.server, self.model = server, model
        self.path = f"/{model.IDENTITY.category}"

    def send(self, method: str, path: str, body: bytes, kind: str, accept: str) -> bytes | None:
        """Return the body of a success, None after a refusal."""
        status, answer = self.server.request(method, path, body, kind, accept)
        assert status in REFUSED | {200, 201, 204}, (method, path, body, status, answer)
        if status not in REFUSED:
            return answer
        errors = decode(KINDS[not answer.startswith(b"[")], answer)  # some are always JSON
        assert isinstance(errors, list), answer
        assert errors, answer
        return None

    def show(self, identifier: str) -> dict[str, bytes]:
        """Return an object in both encodings, which say the same."""
        path = f"{self.path}/{quote(identifier, safe='')}"
        shown = {}
        for kind in KINDS:
            status, body = self.server.request("GET", path, accept=kind)
            assert status == 200, (path, status, body)
            shown[kind] = body
            decode(kind, body)
        one, two = (read(kind, shown[kind], self.model) for kind in KINDS)
        assert one == two, shown
        return shown


class Plan(NamedTuple):
    """What is sent about one object."""

    name: str
    model: type[Model]
    kind: str
    accept: str
    created: bytes
    changes: list[tuple[str, bytes]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    name, model = draw(st.sampled_from(MODELS))
    kind, accept = (draw(st.sampled_from(KINDS)) for _ in range(2))
    body = bodies(model, kind)
    good = fitting_objects(model).map(lambda value: packed(kind, value))
    changes = st.lists(st.tuples(st.sampled_from(["PUT", "PATCH"]), good | body), max_size=2)
    return Plan(name, model, kind, accept, draw(good | body), draw(changes))


@scaled(0.5)
@given(plans())
def test_any_body_is_stored_and_shown_or_refused(servers: dict[str, Running], plan: Plan) -> None:
    client = Client(servers[plan.name], plan.model)
    kind, accept = plan.kind, plan.accept
    made = client.send("POST", client.path, plan.created, kind, accept)
    identifier = read(accept, made, plan.model).identifier if made else ""
    event(f"stored={bool(identifier)}")
    if identifier:
        path = f"{client.path}/{quote(identifier, safe='')}"
        shown = client.show(identifier)
        again = client.send("PUT", path, shown[kind], kind, accept)
        assert again is not None, f"what was shown cannot be sent back: {shown[kind]!r}"
        for method, body in plan.changes:
            client.send(method, path, body, kind, accept)
            client.show(identifier)
        listed = client.send("GET", client.path, b"", kind, accept)
        assert listed
        assert decode_list(accept, listed, plan.model)
        assert client.send("DELETE", path, b"", kind, accept) is not None
    client.server.check_health()
