"""`Publication`: its payload, its wire form, its spans."""

from __future__ import annotations

from typing import Any

import pytest
from bahamut.elemental import DecodeError
from bahamut.pubsub import Publication, ResponseMode
from bahamut.pubsub.publication import ReplySlot
from hypothesis import given, strategies as st
from tests.golden.tracing import RecordingTracer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class CarryingTracer(RecordingTracer):
    """Writes and reads the context that it is given."""

    def start_span(self, operation_name: str, child_of: Any = None, tags: Any = None, **_: Any):
        span = super().start_span(operation_name, child_of, tags)
        span.parent, span.context = child_of, f"context {span.number}"
        return span

    def inject(self, span_context: Any, format: str, carrier: Any) -> None:  # noqa: A002
        carrier["trace"] = span_context

    def extract(self, format: str, carrier: Any) -> Any:  # noqa: A002
        return carrier.get("trace")


def test_tracing_follows_a_publication():
    tracer = CarryingTracer()
    outer = tracer.start_span("request")
    sent = Publication("orders", partition=3)
    sent.start_tracing_from_span(outer, "publish")
    assert sent.span.parent is outer
    assert sent.tracking_data == {"trace": "context 2"}
    sent.encode({"a": 1})
    assert sent.span.logs[0][0] == "payload"
    came = Publication.from_envelope(sent.to_envelope())
    came.start_tracing(tracer, "receive")
    assert came.span.parent == "context 2"
    assert came.span.tags == {"span.kind": "server", "topic": "orders", "partition": 3}
    came.decode()
    assert came.span.logs[0][0] == "payload"


def test_without_a_tracer_nothing_is_traced():
    publication = Publication("orders")
    publication.start_tracing(None, "receive")
    publication.start_tracing_from_span(object(), "publish")
    assert publication.span is None
    assert publication.tracking_data == {}


def test_x27_payloads_in_traces_are_bounded():
    publication = Publication("orders")
    publication.span = CarryingTracer().start_span("s")
    publication.encode("x" * 100_000)
    assert len(publication.span.logs[0][1]) == 64 * 1024


def test_a_failed_encoding_changes_nothing():
    publication = Publication("t", data=b"before", encoding="before")
    for value, error in ((None, ValueError), (object(), TypeError)):
        with pytest.raises(error):
            publication.encode(value)
        assert (publication.data, publication.encoding) == (b"before", "before")


def test_duplicates_are_independent():
    publication = Publication(
        "t", b"1", 2, "three", {"a": "b"}, "five", ResponseMode.ACK, span="span"
    )
    publication.reply_slot = ReplySlot(print, "t")
    copy = publication.duplicate()
    assert copy == publication
    copy.tracking_data["a"] = "changed"
    assert publication.tracking_data == {"a": "b"}
    assert copy.span == "span"
    assert copy.reply_slot is None


@given(
    st.builds(
        Publication,
        topic=TEXTS,
        data=st.none() | st.binary(max_size=8),
        partition=st.integers(-(1 << 31), (1 << 31) - 1),
        tracking_name=TEXTS,
        tracking_data=st.dictionaries(TEXTS, TEXTS, max_size=3),
        encoding=TEXTS,
        response_mode=st.integers(-5, 300).map(ResponseMode),
    )
)
def test_what_is_written_is_read(publication):
    assert Publication.from_envelope(publication.to_envelope()) == publication


@given(st.binary(max_size=40))
def test_any_bytes_are_an_envelope_or_a_decode_error(data):
    said = "unable to decode application/msgpack: "
    try:
        Publication.from_envelope(data)
    except DecodeError as error:
        said = str(error)
    assert said.startswith("unable to decode application/msgpack: ")
