"""Streams: limits, texts that look like ends, and what is left after an error."""

import io

import pytest
from bahamut.elemental import (
    JSON,
    MSGPACK,
    DecodeError,
    Identity,
    Model,
    attribute,
    encode,
    make_stream_decoder,
    make_stream_encoder,
)


class Note(Model, identity=Identity("note", "notes")):
    text: str = attribute(default="")


TEXTS = ["", "}{", '"}', "\\", '\\"', "é\u2028", "x" * 200_000]


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
def test_what_is_written_is_read_again(encoding):
    stream = io.BytesIO()
    write, _ = make_stream_encoder(encoding, stream)
    for text in TEXTS:
        write(Note(text=text))
    stream.seek(0)
    read, _ = make_stream_decoder(encoding, stream)
    for text in TEXTS:
        note = Note()
        read(note)
        assert note.text == text
    for _ in range(2):
        with pytest.raises(EOFError):
            read(Note())


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
def test_an_object_that_is_too_large_is_refused(encoding):
    data = encode(encoding, Note(text="x" * 500_000))
    read, _ = make_stream_decoder(encoding, io.BytesIO(data), max_value=100_000)
    with pytest.raises(DecodeError, match="a value exceeds 100000 bytes"):
        read(Note())


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
def test_an_object_that_is_cut_short_is_no_end(encoding):
    data = encode(encoding, Note(text="x"))
    for length in range(1, len(data)):
        read, _ = make_stream_decoder(encoding, io.BytesIO(data[:length]))
        for _ in range(2):
            with pytest.raises(DecodeError, match="the stream ends inside a value"):
                read(Note())


def test_after_a_value_of_another_type_comes_the_next_object():
    read, _ = make_stream_decoder(JSON, io.BytesIO(b'{"text":1} {"text":"b"}'))
    note = Note()
    with pytest.raises(DecodeError, match="text"):
        read(note)
    read(note)
    assert note.text == "b"
